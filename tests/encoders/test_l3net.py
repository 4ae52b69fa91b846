"""Tests of sslkeras.encoders.l3net."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.l3net import L3Net
from sslkeras.errors import ConfigurationError


def convolution_weights(model):
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return sum(layer.count_params() for layer in layers)


def test_sizes_and_weights_are_those_of_the_papers():
    image, sound = L3Net()((224, 224, 3)), L3Net()((257, 200, 1))

    assert image.output_shape == (None, 14, 14, 512)
    assert sound.output_shape == (None, 16, 12, 512)
    # Of pairs c -> f -> f: 9 c f + f + 9 f f + f; only the first depends on the channels.
    assert convolution_weights(image) == 4_685_376
    assert convolution_weights(sound) == 4_684_224
    assert L3Net(stride=1)((224, 224, 3)).output_shape == (None, 28, 28, 512)
    assert L3Net(stride=1)((257, 200, 1)).output_shape == (None, 32, 25, 512)


def test_only_the_first_convolution_has_the_stride():
    model = L3Net(filters=(4, 6))((16, 12, 1))

    strides = {
        layer.name: layer.strides[0]
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    assert strides == {"conv1_1": 2, "conv1_2": 1, "conv2_1": 1, "conv2_2": 1}
    assert model.output_shape == (None, 4, 3, 6)


def test_images_of_any_size_can_be_taken():
    model = L3Net(filters=(3, 4))((None, None, 1))

    assert model(np.zeros((1, 12, 20, 1))).shape == (1, 3, 5, 4)
    assert model(np.zeros((1, 3, 3, 1))).shape == (1, 1, 1, 4)


@pytest.mark.parametrize("stride", [1, 2])
def test_images_too_small_for_the_poolings_are_refused(stride):
    least = {1: 8, 2: 15}[stride]

    assert L3Net(filters=(1,) * 4, stride=stride)((least, least, 1)).output_shape == (None, 1, 1, 1)
    with pytest.raises(ConfigurationError, match=f"at least {least} x {least}"):
        L3Net(filters=(1,) * 4, stride=stride)((least - 1, 20, 1))


def test_arguments_are_checked():
    with pytest.raises(ConfigurationError, match="`stride` of L3Net must be one of 1, 2"):
        L3Net(stride=3)
