"""Tests of sslkeras.datasets.moving_digits."""

import math

import numpy as np
import pytest

from sslkeras.datasets.dataset import Order
from sslkeras.datasets.digits import load_digits
from sslkeras.datasets.moving_digits import MovingDigits, trajectories
from sslkeras.errors import ConfigurationError

SMALL = {"num_examples": 6, "num_test": 4, "size": 20, "digit_size": 8, "num_frames": 5}


def whole(split, only=None):
    (batch,) = split.batches(1000, only=only)
    return {name: value.numpy() for name, value in batch.items()}


def test_shapes_and_types_are_as_announced():
    split = MovingDigits(**SMALL).train

    batch = whole(split)

    assert split.size == 6
    assert set(batch) == set(MovingDigits.features) == set(split.features)
    for name, spec in split.features.items():
        assert batch[name].shape == (6, *spec.shape), name
        assert batch[name].dtype == spec.dtype.as_numpy_dtype, name
    assert split.features["video"].shape == (5, 20, 20, 1)


def test_every_frame_is_the_maximum_of_the_digits_at_their_positions():
    batch = whole(MovingDigits(**SMALL).test)
    digits, labels = load_digits(8)
    ink = np.round(digits[1297:, ..., 0] * 255).astype(np.uint8)

    for clip in range(4):
        expected = np.zeros((5, 20, 20, 2), np.uint8)
        for digit in range(2):
            row, column = batch["positions"][clip, 0, digit].astype(int)
            shown = batch["video"][clip, 0, row : row + 8, column : column + 8, 0]
            candidates = np.flatnonzero(
                (ink <= shown).all(axis=(1, 2)) & (labels[1297:] == batch["label"][clip, digit])
            )
            # Of those that fit below the frame, the one with most ink is the one drawn.
            best = candidates[ink[candidates].astype(int).sum(axis=(1, 2)).argmax()]
            for frame in range(5):
                row, column = batch["positions"][clip, frame, digit].astype(int)
                expected[frame, row : row + 8, column : column + 8, digit] = ink[best]

        np.testing.assert_array_equal(batch["video"][clip, ..., 0], expected.max(-1))
        np.testing.assert_array_equal(batch["masks"][clip], expected > 0)


def test_flow_moves_one_digit_onto_the_next_frame():
    batch = whole(MovingDigits(**SMALL, num_digits=1).train)
    moved = 0

    for clip, frame in np.ndindex(6, 4):
        video, flow = batch["video"][clip, ..., 0], batch["flow"][clip, frame]
        for y, x in zip(*np.nonzero(video[frame]), strict=True):
            dx, dy = flow[y, x].astype(int)
            assert video[frame + 1, y + dy, x + dx] == video[frame, y, x]
            moved += (dx, dy) != (0, 0)
        assert (flow[video[frame] == 0] == 0).all()

    assert moved > 100


def test_flow_of_an_overlap_is_that_of_the_digit_that_is_shown():
    batch = whole(MovingDigits(**SMALL, num_digits=3).train)
    steps = np.diff(batch["positions"], axis=1)[..., ::-1]
    overlap = np.argwhere(batch["masks"][:, :-1].sum(-1) == 2)
    assert len(overlap)

    for clip, frame, y, x in overlap:
        candidates = steps[clip, frame][batch["masks"][clip, frame, y, x]]
        assert (batch["flow"][clip, frame, y, x] == candidates).all(axis=-1).any()


def test_digits_bounce_as_in_the_released_generator():
    # Room of 10 pixels, from row 5.0 and column 8.5 straight right at 1 pixel a frame:
    # 9.5, 10.5 -> set back to 10 and turned, 9, 8.
    draws = np.array([[[0.5, 0.85, 0.0, 0.0]]])

    positions = trajectories(draws, 4, 10, None)

    assert positions[0, :, 0].tolist() == [[5, 9], [5, 10], [5, 9], [5, 8]]


def test_speed_is_drawn_between_its_bounds():
    draws = np.random.default_rng(0).random((500, 1, 4))
    draws[..., :2] = 0.5

    positions = trajectories(draws, 20, 1000, (2.0, 4.0)).astype(float)

    distance = np.linalg.norm(positions[:, -1, 0] - positions[:, 0, 0], axis=-1) / 19
    slack = math.sqrt(2) / 19  # Whole pixels at both ends.
    assert 2 - slack <= distance.min() < 2.1
    assert 3.9 < distance.max() <= 4 + slack


def test_positions_stay_in_the_frame():
    batch = whole(MovingDigits(**SMALL, speed=(30, 90)).train, only=("positions",))

    assert batch["positions"].min() >= 0
    assert batch["positions"].max() <= 12


def test_a_clip_does_not_depend_on_how_many_there_are():
    few = whole(MovingDigits(**SMALL).train)
    many = whole(MovingDigits(**{**SMALL, "num_examples": 9, "num_test": 7}).train)

    for name in few:
        np.testing.assert_array_equal(few[name], many[name][:6])


def test_seeds_and_splits_differ():
    first, second = MovingDigits(**SMALL), MovingDigits(**SMALL, seed=1)

    positions = [
        whole(split, only=("positions",))["positions"][:4]
        for split in (first.train, first.test, second.train)
    ]

    assert (positions[0] != positions[1]).any() and (positions[0] != positions[2]).any()


def test_test_clips_show_only_test_digits():
    data = MovingDigits(**SMALL)

    assert len(data.train._ink) == 1297 * 81
    assert len(data.test._ink) == 500 * 81


def test_shuffled_batches_hold_the_clips_of_the_stored_order():
    split = MovingDigits(**SMALL).train
    stored = whole(split)

    (batch,) = split.batches(6, order=Order(0, 0)).take(1)

    stored = sorted(clip.tobytes() for clip in stored["video"])
    assert sorted(clip.tobytes() for clip in batch["video"].numpy()) == stored
    assert batch["video"].shape == (6, 5, 20, 20, 1)


def test_what_is_not_wanted_is_not_drawn():
    split = MovingDigits(**SMALL).train
    split._draw = lambda *_: pytest.fail("drawn")

    batch = whole(split, only=("label", "positions"))

    assert set(batch) == {"label", "positions"}


def test_the_label_of_one_digit_is_a_scalar():
    assert whole(MovingDigits(**SMALL, num_digits=1).train)["label"].shape == (6,)
    assert whole(MovingDigits(**SMALL, num_digits=3).train)["label"].shape == (6, 3)


def test_digits_as_large_as_the_frame_are_refused():
    with pytest.raises(ConfigurationError, match="`digit_size`.*less than `size`.*digit_size=20"):
        MovingDigits(size=20, digit_size=20)


def test_a_speed_range_upside_down_is_refused():
    with pytest.raises(ConfigurationError, match="`speed` of MovingDigits must be a list"):
        MovingDigits(speed=(3, 1))


def test_friction_leaves_a_share_of_the_speed_after_each_frame():
    # Down from row 100 at 16 pixels a frame, of which half is left each time: 16, 8, 4, 2.
    draws = np.array([[[0.1, 0.5, 0.25, 0.0]]])

    positions = trajectories(draws, 4, 1000, (16.0, 16.0), 0.5)

    assert positions[0, :, 0, 0].tolist() == [116, 124, 128, 130]


def test_clips_with_friction_begin_as_those_without():
    arguments = {**SMALL, "size": 40, "speed": (4, 4), "num_examples": 50, "num_digits": 1}

    free = whole(MovingDigits(**arguments).train)["positions"]
    slowed = whole(MovingDigits(**arguments, friction=(0.5, 0.7)).train)["positions"]

    np.testing.assert_array_equal(slowed[:, 0], free[:, 0])
    steps = np.linalg.norm(np.diff(slowed, axis=1), axis=-1).mean((0, 2))
    # Between the first two frames a digit moves at 0.5 to 0.7 of its speed, then slower.
    assert 1.8 < steps[0] < 3 and (np.diff(steps) < 0).all()
