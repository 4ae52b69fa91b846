"""What an augmentation draws for each example of a batch."""

import tensorflow as tf

from sslkeras.hyperparameters import Real, check_argument

PROBABILITY = Real(0, 1)
_BITS = 24  # of a float32's mantissa


def split(seed, count=2):
    """A list of `count` seeds, each int32 `(2,)`, made of one."""
    return tf.unstack(tf.random.split(seed, count, alg="philox"))


def uniform(seed, shape, low=0.0, high=1.0):
    """float32 of `shape`, uniform in [low, high), the same wherever it is run.

    From integers: of those XLA draws the same as TensorFlow, of floats it does not.
    """
    integers = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
    parts = tf.cast(tf.bitwise.bitwise_and(integers, 2**_BITS - 1), tf.float32)
    return low + (high - low) * (parts * 2.0**-_BITS)


def drawn(seed, images, count=1):
    """float32 `(batch, count)`, uniform in [0, 1): `count` draws for each example."""
    return uniform(seed, [tf.shape(images)[0], count])


def chosen(owner, seed, images, probability):
    """bool `(batch,)`: which examples are changed, each with `probability` by itself.

    Args:
        owner: Name of the augmentation, for the message.
        seed: int32 `(2,)`.
        images: The batch.
        probability: In [0, 1]; 0 chooses none and 1 all.

    Raises:
        ConfigurationError: If `probability` is out of range.
    """
    probability = check_argument(owner, "probability", probability, PROBABILITY)
    return drawn(seed, images)[:, 0] < probability


def pick(condition, changed, images):
    """`changed` for the images where `condition`, bool `(batch,)`, is true, else `images`."""
    # This one, unlike tf.where, copies whole examples: twenty times as quick.
    return tf.raw_ops.Select(condition=condition, x=changed, y=images)
