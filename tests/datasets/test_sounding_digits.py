"""Tests of sslkeras.datasets.sounding_digits."""

import numpy as np
import pytest

from sslkeras.datasets.dataset import Order
from sslkeras.datasets.digits import load_digits
from sslkeras.datasets.sounding_digits import SoundingDigits, harmonic_weights
from sslkeras.errors import ConfigurationError

SMALL = {"num_examples": 200, "num_test": 60}


def whole(split, only=None):
    (batch,) = split.batches(1000, only=only)
    return {name: value.numpy() for name, value in batch.items()}


def test_shapes_and_types_are_as_announced():
    data = SoundingDigits(**SMALL)

    for split, size in ((data.train, 200), (data.test, 60)):
        batch = whole(split)
        assert split.size == size
        assert list(batch) == list(SoundingDigits.features) == list(split.features)
        for name, spec in split.features.items():
            assert batch[name].shape == (size, *spec.shape), name
            assert batch[name].dtype == spec.dtype.as_numpy_dtype, name
        assert np.abs(batch["waveform"]).max() <= 1.0
    assert data.train.features["image"].shape == (64, 64, 1)
    assert data.train.features["waveform"].shape == (8000,)
    clips = [whole(split, ("clip",))["clip"].tolist() for split in (data.train, data.test)]
    assert clips[0] + clips[1] == list(range(260))


def test_a_digit_of_the_class_stands_in_its_box_within_one_quadrant():
    batch = whole(SoundingDigits(**SMALL).test)
    digits, labels = load_digits(28)
    ink = np.round(digits[1297:, ..., 0] * 255).astype(np.uint8)

    quadrants = set()
    for image, box, label in zip(batch["image"][..., 0], batch["box"], batch["label"]):
        top, left, bottom, right = box
        assert bottom - top == right - left == 28
        assert top % 32 <= 4 and left % 32 <= 4
        quadrants.add((top // 32, left // 32))
        shown = image[top:bottom, left:right].astype(int)
        # The digit lies over noise that is dark on the whole.
        fits = np.abs(ink.astype(int) - shown).mean(axis=(1, 2))
        assert labels[1297:][fits.argmin()] == label
        image = image.astype(float)
        image[top:bottom, left:right] = np.nan
        assert np.nanmean(image) < 40
    assert quadrants == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_each_class_has_its_pitch_harmonics_and_swell():
    batch = whole(SoundingDigits(num_examples=600, num_test=1).train)
    weights = harmonic_weights()

    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert weights.min() > 0
    for digit in range(10):
        spectra = np.abs(np.fft.rfft(batch["waveform"][batch["label"] == digit], axis=1))
        power = (spectra**2).mean(axis=0)  # One bin is 1 Hz.
        heard = []
        for harmonic in range(1, 6):
            pitch = 110.0 * 2 ** (digit / 4) * harmonic
            low, high = int(0.985 * pitch - 6), int(1.015 * pitch + 7)
            heard.append(power[low:high].sum() ** 0.5)
        np.testing.assert_allclose(heard / np.sum(heard), weights[digit], atol=0.06)
        envelopes = np.abs(batch["waveform"][batch["label"] == digit]).reshape(-1, 100, 80)
        swell = np.abs(np.fft.rfft(envelopes.mean(axis=2), axis=1)).mean(axis=0)
        assert swell[1:6].argmax() + 1 == 1 + digit % 4, digit


def test_levels_differ_by_no_more_than_ten_percent_within_a_class():
    batch = whole(SoundingDigits(num_examples=600, num_test=1).train)

    for digit in range(10):
        level = batch["waveform"][batch["label"] == digit].std(axis=1)
        assert 1.1 < level.max() / level.min() < 1.35  # 1.1 / 0.9, and phases.


def test_several_digits_are_of_different_classes_and_one_of_them_sounds():
    data = SoundingDigits(num_examples=40, num_test=1, num_digits=3, seed=3)
    single = SoundingDigits(num_examples=40, num_test=1, seed=3)
    several, alone = whole(data.train), whole(single.train)

    # The sounding one is the same, where it was.
    np.testing.assert_array_equal(several["label"], alone["label"])
    np.testing.assert_array_equal(several["box"], alone["box"])
    np.testing.assert_array_equal(several["waveform"], alone["waveform"])
    quarters = several["image"][..., 0].reshape(40, 2, 32, 2, 32).transpose(0, 1, 3, 2, 4)
    bright = (quarters > 200).sum(axis=(3, 4)) > 15
    assert set(bright.sum(axis=(1, 2))) == {3}


def test_an_example_depends_on_seed_and_number_alone():
    first = SoundingDigits(num_examples=50, num_test=5)
    more = SoundingDigits(num_examples=500, num_test=5)
    other = SoundingDigits(num_examples=50, num_test=5, seed=1)

    batch = whole(first.train)
    (start,) = more.train.batches(50).take(1)
    for name in ("image", "waveform", "label", "box"):
        np.testing.assert_allclose(batch[name], start[name], atol=1e-6)
        assert not np.array_equal(batch[name], whole(other.train)[name])
    order = Order(4, epoch=2, steps=5)
    steps = list(first.train.batches(8, order=order).take(5).as_numpy_iterator())
    (third,) = first.train.batches(8, order=order, start=2, only=("waveform",)).take(1)
    np.testing.assert_allclose(third["waveform"], steps[2]["waveform"], atol=1e-6)


def test_arguments_are_checked():
    data = SoundingDigits(num_examples=2, num_test=2, size=32, digit_size=16, seconds=0.5)

    assert SoundingDigits(**data.get_config()).train.features["waveform"].shape == (4000,)
    with pytest.raises(ConfigurationError, match="`digit_size` of SoundingDigits must be at most"):
        SoundingDigits(size=32, digit_size=17)
    with pytest.raises(ConfigurationError, match="`sample_rate` of SoundingDigits"):
        SoundingDigits(sample_rate=4000)
    with pytest.raises(ConfigurationError, match="`num_digits` of SoundingDigits"):
        SoundingDigits(num_digits=5)
