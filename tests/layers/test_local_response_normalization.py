"""Tests of sslkeras.layers.local_response_normalization."""

import numpy as np
import tensorflow as tf

from sslkeras.layers.local_response_normalization import LocalResponseNormalization


def test_values_are_divided_by_their_neighbours_among_the_channels():
    x = np.array([100.0, 0.0, -50.0, 0.0, 0.0, 20.0])
    # Windows of 5 around each channel; alpha / n = 1e-4 / 5.
    squares = [12500, 12500, 12500, 2900, 2900, 400]
    expected = x / (1 + 2e-5 * np.array(squares)) ** 0.75

    y = LocalResponseNormalization()(tf.constant(x, tf.float32)[tf.newaxis, tf.newaxis, tf.newaxis])

    np.testing.assert_allclose(y[0, 0, 0], expected, rtol=1e-5)


def test_it_comes_back_from_its_config():
    layer = LocalResponseNormalization(size=3, alpha=0.5, beta=0.7)

    config = LocalResponseNormalization.from_config(layer.get_config()).get_config()

    assert (config["size"], config["alpha"], config["beta"]) == (3, 0.5, 0.7)
