"""Tests of sslkeras.pictures.inputs."""

import numpy as np
import pytest

from sslkeras.pictures.inputs import heat, input_cells, label_text, shown, still_clip, waveform

BLUE = (0.0, 0.447, 0.698)


def test_stored_pixels_are_scaled():
    image, text = shown(np.full((2, 3, 1), 51, np.uint8))

    np.testing.assert_allclose(image, np.full((2, 3, 3), 0.2), atol=1e-6)
    assert text == ""


def test_a_clip_shows_its_first_and_last_frame():
    clip = np.arange(10).reshape(10, 1, 1, 1) / 10 * np.ones((10, 4, 4, 1))

    image = still_clip(clip)

    # Four frames of four columns with a white column between them.
    assert image.shape == (4, 4 * 4 + 3, 3)
    np.testing.assert_allclose(image[0, [0, 5, 10, 15], 0], [0.0, 0.3, 0.6, 0.9], atol=1e-6)
    np.testing.assert_allclose(image[0, [4, 9, 14], 0], 1.0)


def test_of_several_views_the_first_is_shown():
    views = np.stack([np.zeros((2, 4, 4, 1)), np.ones((2, 4, 4, 1))])

    assert shown(views)[0][0, 0, 0] == 0.0


def test_a_waveform_reaches_from_the_least_to_the_greatest_sample():
    samples = np.zeros(320)
    samples[160:] = np.tile([1.0, -0.5], 80)  # Two samples a column.

    image = waveform(samples)

    assert image.shape == (64, 160, 3)
    blue = (np.abs(image - BLUE) < 1e-6).all(axis=-1)
    assert blue[:, :80].sum(axis=0).tolist() == [1] * 80  # Silence is a line.
    column = np.flatnonzero(blue[:, 120])
    assert (column[0], column[-1]) == (0, 47)  # 1 at the top; -0.5 at three quarters of 63.


@pytest.mark.parametrize("shape", [(100,), (100, 1), (100, 2)])
def test_sound_of_one_and_two_channels_is_a_waveform(shape):
    assert shown(np.sin(np.arange(np.prod(shape))).reshape(shape))[0].shape == (64, 100, 3)


def test_long_sound_has_its_spectrogram_below_the_waveform():
    time = np.arange(4096)
    # First a quarter of the greatest frequency, then three quarters.
    samples = np.where(time < 2048, np.sin(np.pi * time / 4), np.sin(np.pi * time * 3 / 4))

    image = shown(samples)[0]

    assert image.shape == (128, 160, 3)
    np.testing.assert_array_equal(image[:64], waveform(samples))
    brightness = image[64:].sum(axis=-1)
    # Row 63 is frequency 0, row 0 the greatest.
    np.testing.assert_allclose(brightness[:, [20, 60]].argmax(axis=0), 63 * 0.75, atol=1)
    np.testing.assert_allclose(brightness[:, [100, 140]].argmax(axis=0), 63 * 0.25, atol=1)


def test_silence_has_a_spectrogram_too():
    assert np.isfinite(shown(np.zeros(2000))[0]).all()


def test_a_map_has_its_first_band_at_the_bottom_and_time_to_the_right():
    values = np.zeros((7, 5))  # Time, bands.
    values[6, 0] = 1.0

    image = shown(values)[0]

    assert image.shape == (5, 7, 3)
    bright = image.sum(axis=-1)
    assert np.unravel_index(bright.argmax(), bright.shape) == (4, 6)


def test_tokens_are_words_without_padding():
    cells = input_cells(np.array([[2, 3, 0], [9, 2, 3]]), vocabulary=("<pad>", "?", b"a", "cat"))

    assert [cell.text for cell in cells] == ["a cat", "#9 a cat"]
    assert cells[0].image is None


def test_tokens_without_a_vocabulary_are_numbers():
    assert shown(np.array([4, 5, 0]))[1] == "4 5"
    assert shown(np.zeros(3, np.int32))[1] == "0"


def test_texts_and_numbers_are_themselves():
    assert shown(np.array(b"two words"))[1] == "two words"
    assert shown(np.float32(0.5))[1] == "0.5"
    assert len(shown(np.array("x" * 900))[1]) == 240


def test_labels_have_their_names():
    assert label_text(1, ("cat", "dog")) == "dog"
    assert label_text(7, ("cat", "dog")) == "7"
    assert label_text(b"bird") == "bird"
    assert label_text(np.array([1, 0]), ("cat", "dog")) == "dog cat"
    assert label_text(np.float32(0.25)) == "0.25"


def test_a_constant_map_is_of_the_least_colour():
    np.testing.assert_allclose(heat(np.full((2, 2), 3.0)), heat(np.zeros((2, 2)), low=0, high=1))
