"""Three ways to corrupt a vector, in one form: `corrupted = clean * keep + noise`.

In this form a layer-wise stage can draw its noise before it knows what is corrupted.
"""

import tensorflow as tf

# Uniform floats are multiples of 2^-23.
_UNIFORM_BITS = 23


def selection(uniforms, level, exact_count):
    """Chooses which components are corrupted.

    Args:
        uniforms: float `(batch, components)` in [0, 1).
        level: Fraction of components.
        exact_count: True: the `round(level * components)` smallest of each row, ties by
            index. False: those below `level`, each by itself.

    Returns:
        float32 `(batch, components)`, 1 where a component is corrupted.
    """
    if not exact_count:
        return tf.cast(uniforms < level, tf.float32)
    count = float(round(level * uniforms.shape[1]))  # Half to even, as Python's round does.
    # Bisection to the smallest step between TensorFlow's uniform floats finds the largest of
    # the `count` smallest; counting is several times faster than sorting.
    largest = tf.zeros([tf.shape(uniforms)[0], 1])
    for bit in range(1, _UNIFORM_BITS + 1):
        candidate = largest + 2.0**-bit
        below = tf.reduce_sum(tf.cast(uniforms < candidate, tf.float32), axis=1, keepdims=True)
        largest = tf.where(below < count, candidate, largest)
    below = tf.cast(uniforms < largest, tf.float32)
    equal = tf.cast(uniforms < largest + 2.0**-_UNIFORM_BITS, tf.float32) - below
    missing = count - tf.reduce_sum(below, axis=1, keepdims=True)
    first = tf.cast(tf.cumsum(equal, axis=1) <= missing, tf.float32)  # ties by index
    return below + equal * first


def masking(selected):
    """Sets the selected components to 0. Nothing is rescaled: this is not dropout.

    Returns:
        `keep` and `noise` of the shape of `selected`.
    """
    return 1.0 - selected, tf.zeros_like(selected)


def salt_and_pepper(selected, coins, low, high):
    """Sets the selected components to `low` where `coins` < 1/2 and to `high` elsewhere.

    Returns:
        `keep` and `noise` of the shape of `selected`.
    """
    return 1.0 - selected, selected * tf.where(coins < 0.5, low, high)


def gaussian(normals, sigma):
    """Adds noise of standard deviation `sigma` to all components; nothing is clipped.

    Returns:
        `keep` and `noise` of the shape of `normals`.
    """
    return tf.ones_like(normals), sigma * normals


def draw(seed, shape, *, corruption, level, sigma, value_range, exact_count):
    """Draws the corruption of a batch of vectors from `seed` alone.

    Args:
        seed: int32 `(2,)`.
        shape: `(batch, components)`, the second a Python integer.
        corruption: "masking", "salt_and_pepper" or "gaussian".
        level: Fraction of corrupted components (not for "gaussian").
        sigma: Standard deviation (only for "gaussian").
        value_range: The least and the greatest value (only for "salt_and_pepper").
        exact_count: See `selection`.

    Returns:
        `keep` and `noise`, float32 of that shape: `corrupted = clean * keep + noise`.
    """
    which, what = tf.unstack(tf.random.split(seed, 2))
    if corruption == "gaussian":
        return gaussian(tf.ensure_shape(_normal(shape, what), (None, shape[1])), sigma)
    uniforms = tf.random.stateless_uniform(shape, which)
    selected = selection(tf.ensure_shape(uniforms, (None, shape[1])), level, exact_count)
    selected = tf.ensure_shape(selected, (None, shape[1]))
    if corruption == "masking":
        return masking(selected)
    coins = tf.random.stateless_uniform(shape, what)
    return salt_and_pepper(selected, coins, *value_range)


def _normal(shape, seed):
    return tf.random.stateless_normal(shape, seed)
