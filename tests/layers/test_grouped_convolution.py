"""Tests of sslkeras.layers.grouped_convolution."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.layers.grouped_convolution import GroupedConvolution


def test_it_computes_what_keras_computes_in_groups():
    images = tf.random.stateless_normal([2, 5, 6, 4], [0, 1])
    ours = GroupedConvolution(6, 3, 2)
    theirs = keras.layers.Conv2D(6, 3, padding="same", groups=2)
    ours(images), theirs(images)
    theirs.set_weights([ours.kernel.numpy(), np.arange(6.0)])
    ours.set_weights(theirs.get_weights())

    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


def test_a_group_sees_its_own_channels_only():
    layer = GroupedConvolution(4, 3, 2, use_bias=False)
    images = tf.random.stateless_normal([1, 4, 4, 6], [0, 1])
    changed = images + tf.constant([0.0, 0, 0, 1, 1, 1])  # The second group's channels.

    moved = np.abs(layer(changed) - layer(images)).max(axis=(0, 1, 2))

    assert (moved[:2] == 0).all()
    assert (moved[2:] > 1e-3).all()


def test_it_comes_back_from_its_config():
    layer = GroupedConvolution(4, 3, 2, use_bias=False, name="conv2")

    config = GroupedConvolution.from_config(layer.get_config()).get_config()

    assert config == layer.get_config()
    assert config["groups"] == 2 and config["use_bias"] is False
