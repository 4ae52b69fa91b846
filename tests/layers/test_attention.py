"""Tests of sslkeras.layers.attention."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.attention import ScaledDotProductAttention


def test_equals_the_attention_of_keras():
    x = tf.random.stateless_normal([2, 5, 8], [1, 2])
    real = tf.constant([[True] * 5, [True, True, True, False, False]])
    reference = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    expected = reference(x, x, attention_mask=real[:, tf.newaxis, :])
    kernels = [w.reshape(8, 8) for w in reference.get_weights()[0::2]]
    query, key, value, output = (tf.constant(kernel) for kernel in kernels)

    attended = ScaledDotProductAttention(2)([x @ query, x @ key, x @ value, real])

    np.testing.assert_allclose(attended @ output, expected, atol=1e-6)


def test_padding_has_no_influence():
    x = tf.random.stateless_normal([1, 4, 6], [1, 2])
    other = tf.concat([x[:, :2], 9.0 + x[:, 2:]], axis=1)
    real = tf.constant([[True, True, False, False]])
    layer = ScaledDotProductAttention(3)

    np.testing.assert_allclose(layer([x, x, x, real]), layer([x, other, other, real]), atol=1e-6)


def test_weights_are_dropped_in_training_only():
    x = tf.ones([2, 8, 4])
    real = tf.fill([2, 8], True)
    layer = ScaledDotProductAttention(2, dropout=0.5)

    np.testing.assert_allclose(layer([x, x, x, real], training=False), x, rtol=1e-6)
    assert np.ptp(layer([x, x, x, real], training=True)) > 0.2


def test_heads_must_divide_the_width():
    x = tf.ones([1, 2, 4])
    with pytest.raises(ConfigurationError, match="`heads` of ScaledDot.* must divide"):
        ScaledDotProductAttention(3)([x, x, x, tf.fill([1, 2], True)])
