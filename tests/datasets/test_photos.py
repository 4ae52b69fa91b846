"""Tests of sslkeras.datasets.photos."""

import numpy as np
import pytest
import sklearn.datasets

from sslkeras.datasets.dataset import Order
from sslkeras.datasets.photos import Photos
from sslkeras.errors import ConfigurationError

PHOTOS = np.stack(sklearn.datasets.load_sample_images().images)


def whole(split, only=None):
    (batch,) = split.batches(1000, only=only)
    return {name: value.numpy() for name, value in batch.items()}


def columns_of(crop, photo):
    """First columns at which `crop` lies in `photo`."""
    side = len(crop)
    starts = np.argwhere((photo[: 428 - side, : 641 - side] == crop[0, 0]).all(-1))
    return [c for r, c in starts if (photo[r : r + side, c : c + side] == crop).all()]


@pytest.mark.parametrize("part, low, high", [("train", 0, 420), ("test", 430, 640)])
def test_crops_are_parts_of_the_split_s_columns(part, low, high):
    batch = whole(getattr(Photos(size=24, num_crops=40, num_test=40), part))
    found = [
        columns_of(crop, PHOTOS[label])
        for crop, label in zip(batch["image"], batch["label"], strict=True)
    ]

    assert all(any(low <= c and c + 24 <= high for c in columns) for columns in found)
    assert set(batch["label"]) == {0, 1}


def test_the_largest_crops_fit():
    batch = whole(Photos(size=210, num_crops=2, num_test=2).test)

    assert batch["image"].shape == (2, 210, 210, 3)
    assert columns_of(batch["image"][0], PHOTOS[batch["label"][0]]) == [430]


def test_a_crop_does_not_depend_on_how_many_there_are():
    few, many = Photos(size=8, num_crops=5).train, Photos(size=8, num_crops=9).train

    np.testing.assert_array_equal(whole(few)["image"], whole(many)["image"][:5])
    assert (few.size, many.size) == (5, 9)


def test_seeds_differ():
    first, second = Photos(size=8, num_crops=5).train, Photos(size=8, num_crops=5, seed=1).train

    assert (whole(first)["image"] != whole(second)["image"]).any()


def test_only_labels_and_shuffled_batches_are_given_when_asked():
    split = Photos(size=8, num_crops=20).train

    assert set(whole(split, only=("label",))) == {"label"}
    (batch,) = split.batches(20, order=Order(0, 0)).take(1)
    assert sorted(batch["label"].numpy()) == sorted(whole(split)["label"])
    assert batch["image"].shape == (20, 8, 8, 3)


def test_crops_larger_than_the_test_part_are_refused():
    with pytest.raises(ConfigurationError, match=r"`size` of Photos.*\[1, 210\].*size=211"):
        Photos(size=211)
