"""Tests of sslkeras.layers.gelu."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.layers.gelu import Gelu


@pytest.mark.parametrize(
    "approximate, expected",
    [
        (False, [-0.1586552539, 0.3457312306, 1.9544997361]),
        (True, [-0.1588080094, 0.3457140098, 1.9545976941]),
    ],
)
def test_values(approximate, expected):
    values = Gelu(approximate)(tf.constant([-1.0, 0.5, 2.0]))

    np.testing.assert_allclose(values, expected, rtol=1e-6)
