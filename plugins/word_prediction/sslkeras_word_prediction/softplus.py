"""Sums of softplus whose values and slopes come from one sigmoid.

    softplus(s) = max(s, 0) - log max(p, 1 - p),    d softplus / ds = p,    p = sigmoid(s)

What is under the logarithm lies in [1/2, 1], so that a product of many has a logarithm too.
"""

import tensorflow as tf

# Factors of one product: 2^-64 is far from the least float32.
_FACTORS = 64


@tf.custom_gradient
def softplus_sums(scores, counts):
    """Sum over the last axis of softplus(scores) where it counts.

    Args:
        scores: float32 `(..., terms)`, of static `terms`.
        counts: bool, likewise: which terms count.

    Returns:
        float32 `(...)`.
    """
    scores = tf.where(counts, scores, scores.dtype.min)
    slopes = tf.sigmoid(scores)
    factors = tf.maximum(slopes, 1.0 - slopes)
    sums = tf.reduce_sum(tf.nn.relu(scores), axis=-1)
    for first in range(0, scores.shape[-1], _FACTORS):
        part = factors[..., first : first + _FACTORS]
        sums -= tf.math.log(tf.reduce_prod(part, axis=-1))

    def gradient(upstream):
        return upstream[..., tf.newaxis] * slopes, None

    return sums, gradient


@tf.custom_gradient
def weighted_softplus(scores, weights):
    """Sum over all axes of weights * softplus(scores).

    Args:
        scores: float32 of any shape.
        weights: float32, likewise. They get no gradient.

    Returns:
        float32 scalar.
    """
    slopes = tf.sigmoid(scores)
    logs = tf.math.log(tf.maximum(slopes, 1.0 - slopes))
    total = tf.reduce_sum(weights * (tf.nn.relu(scores) - logs))

    def gradient(upstream):
        return upstream * weights * slopes, None

    return total, gradient
