"""Words drawn at random in the place of true ones.

T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, "Distributed Representations of Words
and Phrases and their Compositionality", NIPS 2013, section 2.2.
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras_word_prediction.draws import mixed_bits

# Tells draws of noise from all else that a seed is used for.
_NOISE = 0x4E6F


def noise_distribution(counts, exponent):
    """P_n(w) = count(w)^exponent / Z; words that do not occur are not drawn.

    Args:
        counts: int `(words,)`, >= 0.
        exponent: 0.75 in the paper; 0 draws all words alike.

    Returns:
        float64 `(words,)`.

    Raises:
        DataError: If a count is negative, or fewer than two words occur.
    """
    counts = np.asarray(counts, np.float64)
    if (counts < 0).any() or (counts > 0).sum() < 2:
        raise DataError(
            "Counts of words must not be negative, and two or more words must occur. Received: "
            f"{int((counts < 0).sum())} negative ones, {int((counts > 0).sum())} words that occur."
            " Give more text or a smaller `min_count`."
        )
    power = np.zeros_like(counts)
    # Of shares, as no power of them is too large for a float.
    power[counts > 0] = (counts[counts > 0] / counts.max()) ** exponent
    return power / power.sum()


def cumulative(probabilities):
    """float64 `(words,)`, of which the last one is 1: for `words_at`."""
    upto = np.cumsum(probabilities)
    # A sum that rounding left below 1 would let a draw miss all words.
    upto[upto >= upto[np.flatnonzero(probabilities)[-1]]] = 1.0
    return upto


def words_at(uniform, upto):
    """The words whose share of [0, 1) holds `uniform`, float64 of any shape, below 1.

    float64, as a float32 has no numbers for the rare words of a large vocabulary, and may be
    rounded to 1.
    """
    found = tf.searchsorted(upto, tf.reshape(uniform, [-1]), side="right", out_type=tf.int32)
    return tf.reshape(found, tf.shape(uniform))


def shared_uniform(seed, count):
    """float64 `(count,)` in [0, 1) from a scalar int32 seed."""
    return tf.random.stateless_uniform([count], tf.stack([seed, _NOISE]), dtype=tf.float64)


def own_uniform(keys, count):
    """float64 `(keys, count)` in [0, 1): other numbers for each key, uint64 `(keys,)`."""
    numbers = mixed_bits(keys)[:, tf.newaxis] + tf.cast(tf.range(1, count + 1), tf.uint64)
    upper = tf.bitwise.right_shift(mixed_bits(numbers), tf.constant(11, tf.uint64))
    return tf.cast(upper, tf.float64) * 2.0**-53
