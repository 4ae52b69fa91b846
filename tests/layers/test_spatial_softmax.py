"""Tests of sslkeras.layers.spatial_softmax."""

import keras
import numpy as np
import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.layers import SpatialSoftmax


def test_a_peak_in_the_corner_is_found_there():
    maps = np.zeros((1, 3, 3, 2), np.float32)
    maps[0, 0, 2, 0] = 5.0  # Top right.
    maps[0, 2, 1, 1] = 50.0  # Bottom, in the middle.

    places = SpatialSoftmax()(maps).numpy()

    np.testing.assert_allclose(places, [[0.94246008, -0.94246008, 0, 1]], atol=1e-6)


def test_a_low_temperature_points_at_the_largest_value():
    maps = np.random.default_rng(0).random((4, 5, 6, 3)).astype(np.float32)

    places = SpatialSoftmax(temperature=1e-4)(maps).numpy().reshape(4, 3, 2)

    row, column = np.unravel_index(maps.reshape(4, 30, 3).argmax(axis=1), (5, 6))
    np.testing.assert_allclose(places[..., 0], column / 2.5 - 1, atol=1e-3)
    np.testing.assert_allclose(places[..., 1], row / 2 - 1, atol=1e-3)


def test_a_constant_map_points_at_the_middle_and_so_does_a_map_of_one_place():
    for shape in ((1, 4, 5, 2), (1, 1, 1, 2)):
        np.testing.assert_allclose(SpatialSoftmax()(np.ones(shape)), np.zeros((1, 4)), atol=1e-6)


def test_the_temperature_learns_and_comes_back(tmp_path):
    image = keras.Input((4, 4, 2))
    model = keras.Model(image, SpatialSoftmax(temperature=0.2)(image))
    np.testing.assert_allclose(np.exp(model.trainable_weights[0].numpy()), 0.2, rtol=1e-6)
    model.trainable_weights[0].assign(0.5)
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    maps = np.random.default_rng(0).random((2, 4, 4, 2))
    np.testing.assert_array_equal(model(maps), loaded(maps))


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="`temperature` of SpatialSoftmax must be > 0"):
        SpatialSoftmax(temperature=0)
    with pytest.raises(ConfigurationError, match="maps .* of known size"):
        SpatialSoftmax()(keras.Input((None, 4, 2)))
