"""Tests of sslkeras.encoders.vgg."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.vgg import VGG16
from sslkeras.errors import ConfigurationError

SMALL = {"filters": (2, 2, 3, 3, 4)}


def test_weights_are_as_many_as_in_keras_applications():
    ours = VGG16()((None, None, 3))
    theirs = keras.applications.VGG16(include_top=False, weights=None)

    assert ours.count_params() == theirs.count_params() == 14_714_688


def test_equal_weights_give_equal_maps():
    ours = VGG16()((64, 64, 3))
    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 64, 3))
    ours.set_weights(theirs.get_weights())
    images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)

    np.testing.assert_allclose(ours(images), theirs(images), atol=1e-5)


def test_the_map_of_the_paper_and_without_the_last_pooling():
    assert VGG16()((224, 224, 3)).output_shape == (None, 7, 7, 512)
    assert VGG16(pool5=False)((224, 224, 20)).output_shape == (None, 14, 14, 512)


@pytest.mark.parametrize("where, first", [("before", "norm"), ("after", "relu")])
def test_batch_normalisation_stands_before_or_behind_the_activation(where, first):
    model = VGG16(**SMALL, batch_norm=where)((32, 32, 1))
    names = [layer.name for layer in model.layers]

    second = {"norm": "relu", "relu": "norm"}[first]
    assert names[2:4] == [f"conv1_1_{first}", f"conv1_1_{second}"]
    assert sum(isinstance(one, keras.layers.BatchNormalization) for one in model.layers) == 13
    assert model.get_layer("conv1_1").use_bias is (where == "after")


def test_images_too_small_and_bad_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="at least 32 x 32"):
        VGG16()((31, 40, 3))
    assert VGG16(**SMALL, pool5=False)((16, 16, 1)).output_shape == (None, 1, 1, 4)
    with pytest.raises(ConfigurationError, match="`filters` of VGG16"):
        VGG16(filters=(1, 2))
