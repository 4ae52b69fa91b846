"""Tests of sslkeras.layers.convolutional_decoder."""

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.layers.convolutional_decoder import convolutional_decoder


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 9, 3), (5, 4, 2), (32, 33, 1)])
@pytest.mark.parametrize("filters", [(4,), (4, 3)])
def test_output_has_exactly_the_size_of_the_image(shape, filters):
    decoder = convolutional_decoder(6, shape, filters)

    assert decoder.output_shape == (None, *shape)
    assert decoder(np.zeros((2, 6), "float32")).shape == (2, *shape)


def test_output_is_linear():
    decoder = convolutional_decoder(6, (8, 8, 1), (4, 3))

    values = decoder(np.random.default_rng(0).normal(size=(20, 6))).numpy()

    assert values.min() < 0 < values.max()


def test_more_doublings_than_pixels_are_refused():
    with pytest.raises(ConfigurationError, match="3 filters.*7 x 9.*fewer"):
        convolutional_decoder(6, (7, 9, 3), (4, 4, 4))
