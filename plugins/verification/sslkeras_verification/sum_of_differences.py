"""Fusion of the elements of a question by their differences."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class SumOfDifferences(keras.layers.Layer):
    """The sum over all pairs j > i of v_j - v_i, with signs.

    For n vectors it equals the sum of (2 i - n - 1) v_i, i = 1, ..., n. What all vectors have
    in common falls out. With n odd the middle one has no weight.

    `(batch, n, features)` to `(batch, features)`.
    """

    def call(self, inputs):
        count = inputs.shape[1]
        weights = tf.range(1 - count, count, 2)
        return tf.einsum("bnf,n->bf", inputs, tf.cast(weights, inputs.dtype))
