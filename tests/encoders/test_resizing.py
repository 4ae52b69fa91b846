"""Tests of sslkeras.encoders.resizing."""

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras.encoders.resizing import at_size

PIXELS = np.random.default_rng(0).random((2, 20, 24, 1)).astype(np.float32)


@pytest.fixture
def convolutions():
    return sslkeras.encoders.create("convnet(filters=(4, 8), strides=(2, 2))")


def behind_a_rescaling(trunk):
    image = keras.Input((16, 16, 1))
    return keras.Model(image, trunk(keras.layers.Rescaling(2.0, -1.0)(image)), name="encoder")


def test_an_encoder_that_fits_stays_what_it_is(convolutions):
    encoder = convolutions((16, 16, 1))

    assert at_size(encoder, (16, 16, 1)) is encoder


def test_another_size_gives_what_a_trunk_built_for_it_gives(convolutions):
    trunk = convolutions((16, 16, 1))
    built_for_it = convolutions((20, 24, 1))
    built_for_it.set_weights(trunk.get_weights())

    resized = at_size(behind_a_rescaling(trunk), (20, 24, 1))

    np.testing.assert_allclose(resized(PIXELS), built_for_it(2 * PIXELS - 1), atol=1e-6)


def test_weights_are_shared(convolutions):
    encoder = behind_a_rescaling(convolutions((16, 16, 1)))

    resized = at_size(encoder, (20, 24, 1))

    assert [id(weight) for weight in resized.weights] == [id(weight) for weight in encoder.weights]


def test_the_encoder_is_left_as_it_was(convolutions, tmp_path):
    encoder = behind_a_rescaling(convolutions((16, 16, 1)))
    before = encoder.get_config()

    at_size(encoder, (20, 24, 1))

    assert encoder.get_config() == before
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    assert loaded.output_shape == encoder.output_shape


def test_weights_of_one_size_allow_no_other(convolutions):
    trunk = convolutions((16, 16, 1))
    image = keras.Input((16, 16, 1))
    flat = keras.layers.Dense(3)(keras.layers.Flatten()(trunk(image)))
    pooled = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(trunk(image)))

    assert at_size(keras.Model(image, flat), (20, 24, 1)) is None
    assert at_size(keras.Model(image, pooled), (20, 24, 1)).output_shape == (None, 3)


@pytest.mark.parametrize("shape", [(20, 24, 3), (20, 24), (4, 20, 24, 1)])
def test_only_height_and_width_may_differ(convolutions, shape):
    assert at_size(convolutions((16, 16, 1)), shape) is None


@pytest.mark.parametrize("name", ["resnet18", "alexnet"])
def test_bundled_trunks_take_other_sizes(name):
    trunk = sslkeras.encoders.create(name)

    resized = at_size(trunk((64, 64, 3)), (96, 80, 3))

    assert resized.output_shape == trunk((96, 80, 3)).output_shape
