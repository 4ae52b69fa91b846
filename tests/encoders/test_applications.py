"""Tests of sslkeras.encoders.applications."""

import keras
import numpy as np
import pytest

from sslkeras.encoders import applications
from sslkeras.encoders.applications import ApplicationPreprocessing, Applications
from sslkeras.errors import ConfigurationError


@pytest.fixture(scope="module")
def mobilenet():
    return Applications("MobileNet")((32, 32, 1))


def test_the_trunk_gives_a_map(mobilenet):
    assert mobilenet.input_shape == (None, 32, 32, 1)
    assert mobilenet.output_shape == (None, 1, 1, 1024)


def test_grey_images_count_as_three_equal_channels(mobilenet):
    images = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    trunk = mobilenet.layers[-1]

    # MobileNet takes pixels in [-1, 1].
    expected = trunk(np.repeat(images, 3, axis=-1) * 2 - 1)

    np.testing.assert_allclose(mobilenet(images), expected, rtol=1e-3, atol=1e-5)


def test_the_encoder_survives_saving(mobilenet, tmp_path):
    images = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)

    mobilenet.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(images), mobilenet(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "module, expected",
    [
        ("mobilenet_v2", [1.0, -1.0, 0.0]),
        # Blue first, less the means of ImageNet.
        ("vgg16", [127.5 - 103.939, -116.779, 255 - 123.68]),
        ("densenet", [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.5 - 0.406) / 0.225]),
        ("efficientnet", [255.0, 0.0, 127.5]),
        (None, [255.0, 0.0, 127.5]),
    ],
)
def test_pixels_are_handed_on_as_each_network_expects_them(module, expected):
    pixel = np.array([[[[1.0, 0.0, 0.5]]]], np.float32)

    np.testing.assert_allclose(
        ApplicationPreprocessing(module)(pixel)[0, 0, 0], expected, rtol=1e-4, atol=1e-5
    )


def test_every_network_has_its_preprocessing():
    found = {name: applications._module_of(name) for name in applications._networks()}

    assert len(found) > 60
    assert found["ResNet50"] == "resnet" and found["ResNet50V2"] == "resnet_v2"
    # These two preprocess inside.
    assert {n for n, m in found.items() if m is None} == {"MobileNetV3Large", "MobileNetV3Small"}


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'MobileNetV2'.*'MobilNetV2'"):
        Applications("MobilNetV2")


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ConfigurationError, match=r"must suit MobileNet .*\(16, 16, 3\).*32x32"):
        Applications("MobileNet")((16, 16, 3))


def test_other_channels_are_refused():
    with pytest.raises(ConfigurationError, match=r"1 or 3 channels. Received: \(32, 32, 4\)"):
        Applications("MobileNet")((32, 32, 4))


def test_weights_that_cannot_be_downloaded_are_an_error(monkeypatch):
    def network(**_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNet", network)

    with pytest.raises(ConfigurationError, match="ImageNet weights of MobileNet.*~/.keras/models"):
        Applications("MobileNet", weights="imagenet")((32, 32, 3))


def test_an_unknown_module_is_refused():
    with pytest.raises(ConfigurationError, match="must be a module of keras.applications"):
        ApplicationPreprocessing("os")


def test_a_trunk_can_end_at_any_layer():
    model = Applications("ResNet50", layer="conv4_block3_out")((64, 64, 3))

    assert model.output_shape == (None, 4, 4, 1024)


def test_an_unknown_layer_is_refused():
    with pytest.raises(ConfigurationError, match="`layer` of Applications.*MobileNet.*'conv9'"):
        Applications("MobileNet", layer="conv9")((32, 32, 3))
