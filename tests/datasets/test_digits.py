"""Tests of sslkeras.datasets.digits."""

import numpy as np
import pytest
import sklearn.datasets

from sslkeras.datasets.digits import Digits
from sslkeras.errors import ConfigurationError

STORED = sklearn.datasets.load_digits()


def whole(split):
    (batch,) = split.batches(2000)
    return {name: value.numpy() for name, value in batch.items()}


def test_the_stored_inks_are_kept_exactly_and_in_order():
    data = Digits()
    train, test = whole(data.train), whole(data.test)

    images = np.concatenate([train["image"], test["image"]])
    labels = np.concatenate([train["label"], test["label"]])

    np.testing.assert_array_equal(images[..., 0] * 16, STORED.images)
    np.testing.assert_array_equal(labels, STORED.target)
    assert images.dtype == np.float32
    assert labels.dtype == np.int32


def test_1297_digits_are_for_training_and_500_for_testing():
    data = Digits()

    assert (data.train.size, data.test.size) == (1297, 500)
    assert data.train.features["image"].shape == (8, 8, 1)
    assert data.label_names[3] == "3"


def test_larger_digits_are_interpolated_between_the_stored_inks():
    small, large = whole(Digits().test)["image"], whole(Digits(size=16).test)["image"]

    assert large.shape == (500, 16, 16, 1)
    assert large.min() >= 0 and large.max() <= 1
    # Half-pixel centres: output 1 lies at input 0.25, output 2 at 0.75.
    expected = 0.75 * small[:, 0, 2] + 0.25 * small[:, 0, 3]
    np.testing.assert_allclose(large[:, 0, 5], expected, atol=1e-6)


def test_a_size_below_the_stored_one_is_refused():
    with pytest.raises(ConfigurationError, match=r"`size` of Digits must be an integer.*size=7"):
        Digits(size=7)


def test_three_channels_hold_the_same_ink():
    gray, colour = (next(iter(Digits(channels=c).train.batches(4)))["image"] for c in (1, 3))

    assert colour.shape == (4, 8, 8, 3)
    for channel in range(3):
        np.testing.assert_array_equal(colour[..., channel], gray[..., 0])
