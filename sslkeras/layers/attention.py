"""Attention of several heads, without weights of its own.

A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762, section 3.2.
"""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.reproducible_dropout import ReproducibleDropout


@keras.saving.register_keras_serializable(package="sslkeras")
class ScaledDotProductAttention(keras.layers.Layer):
    """softmax(q k^T / sqrt(d)) v in each of several heads.

    Takes `[query, key, value, mask]`: three float `(batch, length, width)`, whose last axis
    the heads divide among them, and bool `(batch, length)`, which keys are real. Gives `(batch,
    length, width)`. The projections before and after are `Dense` layers of the caller.

    Args:
        heads: Number of heads; divides the width.
        dropout: Rate at which attention weights are dropped in training.
    """

    def __init__(self, heads, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.dropout = int(heads), float(dropout)
        self._dropout = ReproducibleDropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        width = input_shape[0][-1]
        if width % self.heads:
            raise ConfigurationError(
                "`heads` of ScaledDotProductAttention must divide the width. Received: "
                f"heads={self.heads} for a width of {width}."
            )
        self._dropout.build((None, self.heads, None, None))
        super().build(input_shape)

    def call(self, inputs, training=None):
        query, key, value, mask = inputs
        width = query.shape[-1]
        # (batch, heads, length, width / heads)
        query, key, value = (self._divided(part) for part in (query, key, value))
        query *= tf.cast((width // self.heads) ** -0.5, query.dtype)
        scores = tf.matmul(query, key, transpose_b=True)
        # As in BERT's reference code; the least float16 is -65504.
        away = (1.0 - tf.cast(mask, scores.dtype)) * tf.cast(-10000.0, scores.dtype)
        weights = tf.nn.softmax(scores + away[:, tf.newaxis, tf.newaxis, :])
        weights = self._dropout(weights, training=training)
        attended = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        return tf.reshape(attended, [tf.shape(attended)[0], -1, width])

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "dropout": self.dropout}

    def _divided(self, part):
        size, width = tf.shape(part)[0], part.shape[-1]
        parts = tf.reshape(part, [size, -1, self.heads, width // self.heads])
        return tf.transpose(parts, [0, 2, 1, 3])
