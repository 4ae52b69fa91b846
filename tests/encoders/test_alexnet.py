"""Tests of sslkeras.encoders.alexnet."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.encoders.alexnet import AlexNet
from sslkeras.errors import ConfigurationError

SMALL = {"filters": (4, 4, 6, 6, 4), "kernel_size": 5, "stride": 1}


def test_weights_are_as_many_as_in_the_paper():
    # Of the 60,965,224 of CaffeNet, 4,097,000 are fc8's.
    model = AlexNet(padding="valid", fc_units=(4096, 4096))((227, 227, 3))

    assert model.count_params() == 60_965_224 - 4_097_000
    assert model.get_layer("pool5").output_shape == (None, 6, 6, 256)
    assert model.output_shape == (None, 4096)


def test_groups_halve_the_kernels_of_three_convolutions():
    grouped, whole = AlexNet()((None, None, 3)), AlexNet(groups=1)((None, None, 3))

    halves = 5 * 5 * 48 * 256 + 3 * 3 * 192 * 384 + 3 * 3 * 192 * 256
    assert whole.count_params() - grouped.count_params() == halves


def test_the_map_has_an_eighth_of_the_first_convolutions_size():
    assert AlexNet()((96, 96, 3)).output_shape == (None, 3, 3, 256)
    assert AlexNet(stride=2)((64, 64, 3)).output_shape == (None, 4, 4, 256)


def test_images_of_any_size_give_a_map():
    model = AlexNet(**SMALL)((None, None, 1))

    assert model(np.zeros((1, 16, 24, 1))).shape == (1, 2, 3, 4)


@pytest.mark.parametrize("batch_norm, extra", [("plain", False), ("affine", True)])
def test_batch_normalisation_follows_conv3_and_later_layers(batch_norm, extra):
    model = AlexNet(**SMALL, batch_norm=batch_norm, fc_units=(5,))((16, 16, 1))
    layers = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]

    assert [one.name for one in layers] == ["conv3_norm", "conv4_norm", "conv5_norm", "fc6_norm"]
    assert all(bool(one.trainable_weights) is extra for one in layers)
    # Its mean takes a bias away.
    assert model.get_layer("conv2").use_bias
    assert not any(model.get_layer(name).use_bias for name in ("conv3", "conv4", "conv5", "fc6"))


def test_dropout_acts_in_training_only():
    model = AlexNet(**SMALL, fc_units=(200,), dropout=0.5)((16, 16, 1))
    images = tf.random.stateless_uniform([1, 16, 16, 1], [0, 1])

    np.testing.assert_array_equal(model(images), model(images))
    dropped = np.mean(model(images, training=True) == 0) - np.mean(model(images) == 0)
    assert dropped > 0.1


def test_the_encoder_survives_saving(tmp_path):
    model = AlexNet(**SMALL, batch_norm="affine", fc_units=(5,))((16, 16, 1))
    images = np.random.default_rng(0).random((3, 16, 16, 1), np.float32)

    model.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-5, atol=1e-6)


def test_half_precision_is_possible():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = AlexNet(**SMALL)((16, 16, 1))
        output = model(tf.ones([2, 16, 16, 1]))
    finally:
        keras.mixed_precision.set_global_policy("float32")

    assert output.dtype == tf.bfloat16
    assert np.isfinite(tf.cast(output, tf.float32)).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigurationError, match="`groups` of AlexNet must divide"):
        AlexNet(groups=5)
    with pytest.raises(ConfigurationError, match="`fc_units` of AlexNet needs images of one size"):
        AlexNet(fc_units=(4096,))((None, None, 3))
    # Three poolings of 3 with stride 2 need 15 pixels, and conv1 11 + 14 * 4 for those.
    with pytest.raises(ConfigurationError, match="at least 67 x 67"):
        AlexNet(padding="valid")((66, 66, 3))
    assert AlexNet(padding="valid")((67, 67, 3)).output_shape == (None, 1, 1, 256)
