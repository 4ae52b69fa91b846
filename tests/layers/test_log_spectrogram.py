"""Tests of sslkeras.layers.log_spectrogram."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers import FitLength, LogSpectrogram


def tone(frequency=1000.0, rate=48000, seconds=1.0):
    time = np.arange(round(rate * seconds)) / rate
    return np.sin(2 * np.pi * frequency * time)[np.newaxis].astype(np.float32)


def test_a_second_has_199_frames_or_200_with_padding_low_tones_first():
    assert LogSpectrogram(pad_end=False)(tone()).shape == (1, 257, 199, 1)
    assert LogSpectrogram()(tone()).shape == (1, 257, 200, 1)


def test_a_tone_of_1_khz_peaks_in_bin_11_with_a_magnitude_of_112_6():
    # 1000 Hz / 93.75 Hz a bin is 10.67; the sum of the Hann window is 240, half of it 120.
    spectrum = LogSpectrogram(pad_end=False)(tone()).numpy()[0, :, :, 0]

    assert set(spectrum.argmax(axis=0)) == {11}
    np.testing.assert_allclose(spectrum[11], 4.72414560, atol=1e-4)
    np.testing.assert_allclose(np.exp(spectrum[11]), 112.63422, rtol=1e-4)


def test_it_is_the_logarithm_of_a_windowed_dft_computed_plainly():
    wave = np.random.default_rng(0).uniform(-1, 1, (2, 50)).astype(np.float32)
    # A periodic Hann window of 8 samples.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    frames = np.stack([wave[:, start : start + 8] * window for start in range(0, 43, 4)], axis=1)
    expected = np.log(np.abs(np.fft.rfft(frames, 16)) + 0.01)

    layer = LogSpectrogram(8, 4, 16, pad_end=False, floor=0.01)

    np.testing.assert_allclose(
        layer(wave)[..., 0], expected.transpose(0, 2, 1), atol=2e-5, rtol=1e-4
    )
    padded = LogSpectrogram(8, 4, 16, floor=0.01)(wave)
    assert padded.shape == (2, 9, 13, 1)
    np.testing.assert_allclose(padded[:, :, :11], layer(wave), atol=1e-6)


def test_silence_is_the_logarithm_of_the_floor():
    spectrum = LogSpectrogram(8, 4, 8, floor=1e-3)(np.zeros((1, 40), np.float32))

    np.testing.assert_allclose(spectrum, np.log(1e-3), rtol=1e-6)


def test_it_computes_in_float32_in_half_precision_models():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        spectrum = LogSpectrogram(8, 4, 8)(tf.zeros([1, 40], tf.float16))
    finally:
        keras.mixed_precision.set_global_policy("float32")

    assert spectrum.dtype == tf.float32
    np.testing.assert_allclose(spectrum, np.log(1e-6), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frame_step": 481}, "`frame_step` <= `frame_length` <= `fft_length`.*481"),
        ({"fft_length": 479}, "`frame_step` <= `frame_length` <= `fft_length`.*479"),
        ({"frame_step": 0}, "`frame_step` of LogSpectrogram must be an integer >= 1"),
        ({"floor": 0.0}, "`floor` of LogSpectrogram must be a number > 0"),
    ],
)
def test_impossible_frames_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        LogSpectrogram(**arguments)


def test_waveforms_shorter_than_a_frame_are_refused():
    with pytest.raises(ConfigurationError, match=r"at least one frame, 480.*\(1, 479\)"):
        LogSpectrogram()(np.zeros((1, 479), np.float32))


def test_the_middle_of_long_sounds_is_kept_and_short_ones_are_padded_alike():
    layer = FitLength(4)

    np.testing.assert_array_equal(layer(tf.constant([[0.0, 1, 2, 3, 4, 5]])), [[1, 2, 3, 4]])
    np.testing.assert_array_equal(layer(tf.constant([[0.0, 1, 2, 3, 4]])), [[0, 1, 2, 3]])
    np.testing.assert_array_equal(layer(tf.constant([[1.0, 2, 3, 4]])), [[1, 2, 3, 4]])
    np.testing.assert_array_equal(layer(tf.constant([[7.0, 8]])), [[0, 7, 8, 0]])
    np.testing.assert_array_equal(layer(tf.constant([[7.0]])), [[0, 7, 0, 0]])


def test_both_survive_saving(tmp_path):
    waveform = keras.Input((None,))
    layers = FitLength(40), LogSpectrogram(8, 4, 16, pad_end=False, floor=0.1)
    model = keras.Model(waveform, layers[1](layers[0](waveform)))
    wave = np.random.default_rng(0).uniform(-1, 1, (2, 70)).astype(np.float32)

    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(wave), model(wave), rtol=1e-6)
