"""Tests of sslkeras.layers.features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.features import as_map, as_vector, pool

# One map of 2 x 2 places and 2 channels.
MAP = np.array([[[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [6.0, 40.0]]]], np.float32)


def applied(function, shape, values):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))(values).numpy()


@pytest.mark.parametrize(
    "pooling, expected",
    [
        ("mean", [[3.0, 25.0]]),
        ("max", [[6.0, 40.0]]),
        ("flatten", [[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 6.0, 40.0]]),
    ],
)
def test_a_map_becomes_a_vector(pooling, expected):
    np.testing.assert_allclose(applied(lambda x: as_vector(x, pooling), (2, 2, 2), MAP), expected)
    np.testing.assert_allclose(pool(MAP, pooling), expected)


def test_a_vector_stays_as_it_is():
    inputs = keras.Input((3,))

    assert as_vector(inputs, "max") is inputs
    np.testing.assert_array_equal(pool(np.ones((2, 3)), "max"), np.ones((2, 3)))


def test_a_map_stays_as_it_is():
    inputs = keras.Input((2, 2, 3))

    assert as_map(inputs) is inputs


def test_a_vector_is_no_map():
    with pytest.raises(ConfigurationError, match="keeps the spatial layout.*convolutional"):
        as_map(keras.Input((3,)))


def test_another_rank_is_no_vector():
    with pytest.raises(ConfigurationError, match="takes a vector.*Received: .None, 2, 2, 2, 4, 3."):
        as_vector(keras.Input((2, 2, 2, 4, 3)))


def test_cells_of_a_grid_are_averaged():
    features = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)

    # The mean of the upper left four is (0 + 1 + 4 + 5) / 4.
    np.testing.assert_allclose(pool(features, "grid:2"), [[2.5, 4.5, 10.5, 12.5]])


def test_time_is_averaged_before_space():
    clip = np.stack([MAP, 3 * MAP], axis=1)

    np.testing.assert_allclose(pool(clip, "max"), [[12.0, 80.0]])
    np.testing.assert_allclose(pool(np.array([[[1.0], [3.0]]])), [[2.0]])
    of_head = applied(lambda x: as_vector(x, "max"), (None, 2, 2, 2), clip)
    np.testing.assert_allclose(of_head, [[12.0, 80.0]])
    frames = np.array([[[1.0], [3.0]]])
    np.testing.assert_allclose(applied(as_vector, (None, 1), frames), [[2.0]])


def test_probes_get_float32():
    assert pool(tf.zeros((1, 2, 2, 3), tf.float16)).dtype == tf.float32
