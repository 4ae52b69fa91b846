"""Tests of sslkeras_verification.digit_processes."""

import numpy as np
from sslkeras_verification.digit_processes import DigitProcesses, progress_of


def whole(split):
    return {k: v.numpy() for k, v in next(iter(split.batches(split.size))).items()}


def test_features_have_the_shapes_that_the_split_tells():
    data = DigitProcesses(num_examples=5, num_test=2, lengths=(10, 14))
    for split in (data.train, data.test):
        batch = whole(split)
        for name, spec in split.features.items():
            assert batch[name].shape == (split.size, *spec.shape)
    assert 10 <= batch["num_frames"].min() and batch["num_frames"].max() <= 14


def test_the_digit_travels_from_left_to_right_over_the_top():
    batch = whole(DigitProcesses(num_examples=4, clutter=0, noise=0.0).train)

    for video, frames in zip(batch["video"], batch["num_frames"], strict=True):
        ink = video[:frames, ..., 0].astype(float)
        total = ink.sum(axis=(1, 2))
        column = (ink.sum(axis=1) * np.arange(32)).sum(axis=1) / total
        row = (ink.sum(axis=2) * np.arange(32)).sum(axis=1) / total
        assert (np.diff(column) > -0.01).all()
        assert column[0] < 12 and column[-1] > 20
        assert row[frames // 2] < row[0] and row[frames // 2] < row[-1]


def test_phases_follow_each_other_and_frames_behind_the_end_are_empty():
    batch = whole(DigitProcesses(num_examples=6).train)

    for video, phase, frames in zip(
        batch["video"], batch["phase"], batch["num_frames"], strict=True
    ):
        assert (np.diff(phase[:frames]) >= 0).all() and set(phase[:frames]) == {0, 1, 2}
        assert not video[frames:].any()


def test_the_pace_changes_but_never_turns_back():
    progress = progress_of(np.random.default_rng(0), 40)

    steps = np.diff(progress)
    assert steps.min() > 0 and steps.max() > 2 * steps.min()
    assert 0 <= progress[0] <= 0.15 and 0.85 <= progress[-1] <= 1


def test_videos_do_not_depend_on_how_many_follow():
    few, many = (whole(DigitProcesses(num_examples=count).train) for count in (2, 4))

    np.testing.assert_array_equal(few["video"], many["video"][:2])
    assert (few["video"][0] != few["video"][1]).any()
