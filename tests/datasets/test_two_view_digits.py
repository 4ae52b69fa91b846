"""Tests of sslkeras.datasets.two_view_digits."""

import numpy as np
import pytest

import sslkeras
from sslkeras.datasets.dataset import Order
from sslkeras.datasets.two_cameras import backgrounds
from sslkeras.datasets.two_view_digits import TwoViewDigits
from sslkeras.errors import ConfigurationError


@pytest.fixture(scope="module")
def data():
    return TwoViewDigits(num_examples=6, num_test=3, size=64, num_frames=9)


def whole(split, **arguments):
    return {k: v.numpy() for k, v in next(iter(split.batches(split.size, **arguments))).items()}


def ink(views):
    """How far each pixel is from its camera's background."""
    plain = np.round(backgrounds(64)[:, np.newaxis] * 255)
    return np.abs(views.astype(np.float32) - plain).sum(axis=-1)


def test_features_have_the_shapes_that_the_split_tells(data):
    for split in (data.train, data.test):
        batch = whole(split)
        for name, spec in split.features.items():
            assert batch[name].shape == (split.size, *spec.shape)
            assert batch[name].dtype == spec.dtype.as_numpy_dtype
    assert data.train.size == 6 and data.test.size == 3


def test_the_first_camera_sees_the_digit_at_its_place(data):
    batch = whole(data.train)

    weight = ink(batch["views"])[:, 0]
    axis = (np.arange(64) + 0.5) / 64 * 2 - 1
    total = weight.sum(axis=(2, 3))
    x = (weight.sum(axis=2) * axis).sum(axis=-1) / total
    y = -(weight.sum(axis=3) * axis).sum(axis=-1) / total

    # The centre of the ink is near to the middle of the digit's square.
    np.testing.assert_allclose(x, batch["states"][..., 0], atol=0.15)
    np.testing.assert_allclose(y, batch["states"][..., 1], atol=0.15)


def test_the_second_camera_sees_the_same_smaller(data):
    amount = (ink(whole(data.train)["views"]) > 30).sum(axis=(3, 4))

    share = amount[:, 1].sum() / amount[:, 0].sum()
    assert 0.4 < share < 0.75  # 0.75^2 where nothing leaves the picture.


def test_turning_the_state_turns_the_picture():
    split = TwoViewDigits(num_examples=1, size=64, num_frames=2).train
    which, colours = np.full(1, 7, np.int32), np.ones((1, 3), np.float32)
    states = np.zeros((1, 2, 3), np.float32)
    states[0, 1, 2] = np.pi / 2

    first, second = split._draw(which, states, colours).numpy()[0, 0]

    plain = np.round(backgrounds(64)[0] * 255)
    upright, turned = (np.abs(f - plain).sum(axis=-1) for f in (first, second))
    # Counter-clockwise.
    assert np.corrcoef(np.rot90(upright).ravel(), turned.ravel())[0, 1] > 0.95
    assert np.corrcoef(np.rot90(upright, -1).ravel(), turned.ravel())[0, 1] < 0.9


def test_sequences_depend_on_seed_and_index_alone(data):
    longer = TwoViewDigits(num_examples=8, num_test=3, size=64, num_frames=9)
    other = TwoViewDigits(num_examples=6, num_test=3, size=64, num_frames=9, seed=1)

    views = whole(data.train)["views"]
    again = next(iter(longer.train.batches(6)))["views"].numpy()

    assert (again == views).all()
    assert (whole(other.train)["views"] != views).any()


def test_only_what_is_asked_for_is_drawn(data):
    batch = next(iter(data.train.batches(2, order=Order(0), only=("states",))))

    assert set(batch) == {"states"}


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ConfigurationError, match="`num_frames` of TwoViewDigits"):
        sslkeras.datasets.create("two_view_digits(num_frames=1)")
