"""Tests of sslkeras.encoders.spectrogram."""

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras.encoders.spectrogram import Spectrogram
from sslkeras.errors import ConfigurationError
from sslkeras.layers import LogSpectrogram

TRUNK = "convnet(filters=(4,), strides=(2,))"
SETTINGS = {"frame_length": 16, "frame_step": 8, "fft_length": 16}


def waves(samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (3, samples)).astype(np.float32)


def test_the_trunk_sees_the_spectrogram():
    encoder = Spectrogram(TRUNK, **SETTINGS)((80,))
    trunk = encoder.get_layer("encoder_trunk")

    assert encoder.output_shape == (None, 5, 5, 4)  # of 9 bins and 10 frames
    expected = trunk(LogSpectrogram(16, 8, 16)(waves(80)))
    np.testing.assert_allclose(encoder(waves(80)), expected, rtol=1e-5, atol=1e-6)


def test_of_longer_sounds_the_middle_is_heard():
    encoder = Spectrogram(TRUNK, **SETTINGS)((80,))
    long = waves(120)

    np.testing.assert_allclose(encoder(long), encoder(long[:, 20:100]), rtol=1e-5, atol=1e-6)


def test_the_default_is_the_papers():
    encoder = sslkeras.encoders.create("spectrogram")((48000,))

    assert encoder.get_layer("encoder_trunk").input_shape == (None, 257, 200, 1)
    assert encoder.output_shape == (None, 16, 12, 512)


def test_it_survives_saving(tmp_path):
    encoder = Spectrogram(TRUNK, **SETTINGS)((80,), name="ear")

    encoder.save(tmp_path / "ear.keras")

    loaded = keras.models.load_model(tmp_path / "ear.keras")
    np.testing.assert_allclose(loaded(waves(90)), encoder(waves(90)), rtol=1e-5, atol=1e-6)


def test_what_is_no_waveform_is_refused():
    with pytest.raises(ConfigurationError, match=r"takes waveforms.*\(8, 8, 1\)"):
        Spectrogram(TRUNK)((8, 8, 1))
    with pytest.raises(ConfigurationError, match=r"of a known length.*\(None,\)"):
        Spectrogram(TRUNK)((None,))
    with pytest.raises(ConfigurationError, match="`frame_step` <= `frame_length`.*Spectrogram"):
        Spectrogram(TRUNK, frame_step=500)
    with pytest.raises(ConfigurationError, match="at least one frame"):
        Spectrogram(TRUNK)((100,))
