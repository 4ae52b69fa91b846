"""Tests of sslkeras.layers.convolution3d."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.layers import convolution_3d


@pytest.fixture
def bfloat16():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy("float32")


def clips():
    return np.random.default_rng(0).random((2, 4, 8, 8, 2), np.float32)


def gradients(model):
    """Of the sum of squares of the output, by all kernels in one row."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(tf.cast(model(clips()), tf.float32)))
    kernels = [one for one in model.trainable_variables if "kernel" in one.name]
    return np.concatenate([np.ravel(one) for one in tape.gradient(loss, kernels)])


def test_it_is_a_convolution_with_zero_padding():
    layer = convolution_3d(1, 3, (1, 2, 2), kernel_initializer="ones", use_bias=False)

    result = layer(tf.ones([1, 2, 3, 3, 1]))

    # The kernel covers both frames and, from each corner, 2 x 2 of the pixels.
    np.testing.assert_array_equal(result[..., 0], np.full((1, 2, 2, 2), 8.0))


@pytest.mark.parametrize("options", [{}, {"use_bias": False}])
def test_mixed_precision_changes_neither_values_nor_gradients(options, bfloat16):
    inputs = keras.Input((4, 8, 8, 2))
    mixed = keras.Model(inputs, convolution_3d(3, 3, **options)(inputs))
    keras.mixed_precision.set_global_policy("float32")
    plain = keras.models.clone_model(mixed)
    plain.set_weights(mixed.get_weights())

    assert mixed.output.dtype == tf.float32
    np.testing.assert_allclose(mixed(clips()), plain(clips()), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradients(mixed), gradients(plain), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "convnet3d(filters=(4, 4), strides=(1, 2))",
        "r3d18(width=2)",
        "r2plus1d18(width=2)",
    ],
)
def test_all_trunks_of_clips_compute_their_convolutions_so(name, bfloat16):
    model = sslkeras.encoders.create(name)((4, 8, 8, 2))

    layers = [one for one in model.layers if isinstance(one, keras.layers.Conv3D)]
    assert layers
    assert {one.compute_dtype for one in layers} == {"float32"}
    # The rest of the trunk keeps the precision that was asked for.
    assert model.output.dtype == tf.bfloat16


def test_gradients_of_a_trunk_are_close_to_those_in_float32(bfloat16):
    encoder = sslkeras.encoders.create("convnet3d(filters=(4, 4), strides=(1, 2))")
    mixed = encoder((4, 8, 8, 2))
    keras.mixed_precision.set_global_policy("float32")
    plain = encoder((4, 8, 8, 2))
    plain.set_weights(mixed.get_weights())

    given, wanted = gradients(mixed), gradients(plain)

    # bfloat16 has 8 bits: two layers of normalisation and ReLU in it cost about a hundredth.
    assert np.linalg.norm(given - wanted) < 0.03 * np.linalg.norm(wanted)
