"""Tests of sslkeras.encoders.convnet."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.convnet import Convnet
from sslkeras.errors import ConfigurationError


def test_the_map_has_the_size_and_channels_asked_for():
    assert Convnet()((8, 9, 1)).output_shape == (None, 2, 3, 128)
    assert Convnet(filters=(4,), strides=(4,))((8, 9, 3)).output_shape == (None, 2, 3, 4)


def test_batch_normalisation_takes_the_place_of_the_bias():
    arguments = {"filters": (4,), "strides": (1,), "kernel_size": 3}

    # 9 * 2 * 4 weights, and 4 biases or 4 times 4 of batch normalisation.
    assert Convnet(**arguments)((8, 8, 2)).count_params() == 72 + 16
    assert Convnet(**arguments, batch_norm=False)((8, 8, 2)).count_params() == 72 + 4


def test_group_normalisation_takes_the_place_of_batch_normalisation():
    encoder = Convnet(filters=(6,), strides=(1,), group_norm=2, activation="linear")((8, 8, 2))
    images = np.random.default_rng(0).random((3, 8, 8, 2)).astype(np.float32)

    maps = encoder(images, training=True).numpy().reshape(3, 64, 2, 3)

    assert len(encoder.trainable_weights) == len(encoder.weights) == 3  # No moving statistics.
    np.testing.assert_allclose(maps.mean(axis=(1, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(maps.std(axis=(1, 3)), 1, atol=1e-3)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ConfigurationError, match=r"`group_norm` of Convnet must divide.*\(6, 8\)"):
        Convnet(filters=(6, 8), strides=(1, 1), group_norm=4)


def test_every_layer_is_activated():
    output = Convnet(filters=(4,), strides=(1,))((4, 4, 1))(np.ones((2, 4, 4, 1)) * 3.0)

    assert output.numpy().min() >= 0


def test_images_of_any_size_can_be_taken():
    model = Convnet(filters=(4, 4), strides=(1, 2))((None, None, 1))

    assert model(np.zeros((1, 6, 10, 1))).shape == (1, 3, 5, 4)


def test_the_encoder_survives_saving(tmp_path):
    model = Convnet(filters=(4,), strides=(2,))((6, 6, 1))
    images = np.random.default_rng(0).random((3, 6, 6, 1), np.float32)

    model.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-6)


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigurationError, match=r"`strides` of Convnet must have as many.*\(1,\)"):
        Convnet(strides=(1,))
    with pytest.raises(ConfigurationError, match="`activation` of Convnet"):
        Convnet(activation="nothing")


def test_what_is_no_image_is_refused():
    with pytest.raises(ConfigurationError, match=r"Convnet takes images.*Received: \(5, 8, 8, 1\)"):
        Convnet()((5, 8, 8, 1))
