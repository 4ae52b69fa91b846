"""Tests of sslkeras.encoders.resnet3d."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.resnet3d import R3D18, R2Plus1D18, factorised_channels
from sslkeras.errors import ConfigurationError
from sslkeras.evaluation.frame_features import gives_frames


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_r3d_has_as_many_weights_as_the_known_network():
    model = R3D18()((16, 112, 112, 3))

    # torchvision's r3d_18 without its classifier: 33371472 - 513 * 400.
    assert trainable(model) == 33_166_272
    assert model.output_shape == (None, 2, 7, 7, 512)  # Table 1: L / 8, 7 x 7.


def test_the_factorised_network_has_about_as_many_weights():
    weights = trainable(R2Plus1D18()((16, 112, 112, 3)))

    # Stem 3 * 45 * 49 + 45 * 64 * 3 + normalisation, then blocks by the formula of section 3.5.
    assert weights == 33_165_639


def test_channels_between_the_factors():
    # 27 * 64 * 64 / (9 * 64 + 3 * 64) = 110592 / 768.
    assert factorised_channels(64, 64, 3) == 144
    # 27 * 64 * 128 / (9 * 64 + 3 * 128) = 221184 / 960 = 230.4.
    assert factorised_channels(64, 128, 3) == 230


@pytest.mark.parametrize("encoder", [R3D18, R2Plus1D18])
def test_time_can_be_kept(encoder):
    model = encoder(width=2, keep_time=True)((None, 16, 16, 1))

    assert model.output_shape == (None, None, 2, 2, 16)
    assert model(np.zeros((1, 5, 16, 16, 1))).shape == (1, 5, 2, 2, 16)
    assert gives_frames(model)


def test_the_stem_can_be_chosen():
    small, large = (R3D18(width=2, small_frame_stem=one)((8, 16, 16, 1)) for one in (True, False))

    assert small.output_shape == (None, 1, 2, 2, 16)
    assert large.output_shape == (None, 1, 1, 1, 16)
    assert trainable(large) - trainable(small) == 3 * (49 - 9) * 2


def test_factors_are_one_of_space_and_one_of_time():
    model = R2Plus1D18(width=2)((8, 16, 16, 1))

    assert model.get_layer("stage2_1_1_space_conv").kernel_size == (1, 3, 3)
    assert model.get_layer("stage2_1_1_space_conv").strides == (1, 2, 2)
    assert model.get_layer("stage2_1_1_time_conv").kernel_size == (3, 1, 1)
    assert model.get_layer("stage2_1_1_time_conv").strides == (2, 1, 1)


@pytest.mark.parametrize("encoder", [R3D18, R2Plus1D18])
def test_the_encoder_survives_saving(encoder, tmp_path):
    model = encoder(width=2)((4, 8, 8, 1))
    clips = np.random.default_rng(0).random((2, 4, 8, 8, 1), np.float32)
    model.save(tmp_path / "encoder.keras")

    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(clips), model(clips), rtol=1e-5, atol=1e-6)


def test_too_small_frames_are_refused():
    with pytest.raises(ConfigurationError, match=r"R3D18 takes frames.*8 x 8.*\(4, 7, 9, 1\)"):
        R3D18()((4, 7, 9, 1))


def test_an_image_is_refused():
    with pytest.raises(ConfigurationError, match=r"R2Plus1D18 takes clips.*\(32, 32, 3\)"):
        R2Plus1D18()((32, 32, 3))
