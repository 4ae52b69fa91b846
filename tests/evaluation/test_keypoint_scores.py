"""Tests of sslkeras.evaluation.keypoint_scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.evaluation.keypoint_scores import (
    correct_keypoints,
    mean_over_joints,
    reference_length,
)

TRUTH = np.array([[[0, 0], [10, 0], [0, 20]]], float)
PREDICTION = np.array([[[1, 0], [10, 3], [4, 20]]], float)


def test_errors_are_measured_by_the_box_of_the_joints():
    # 0.6 * sqrt(10^2 + 20^2); errors 1, 3, 4 against 1.34, 2.68, 4.02, ...
    assert reference_length(TRUTH)[0] == pytest.approx(13.41640786)
    shares = mean_over_joints(correct_keypoints(TRUTH, PREDICTION))

    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 1, 1, 1])


def test_the_longer_side_is_another_unit():
    assert reference_length(TRUTH, "max_side")[0] == 20
    shares = mean_over_joints(correct_keypoints(TRUTH, PREDICTION, (0.1, 0.2), "max_side"))

    np.testing.assert_allclose(shares, [1 / 3, 1])  # 2 and 4 pixels, bounds included.


def test_joints_are_averaged_over_frames_first():
    # Joint 0 is right in both frames, joint 1 in its only frame, joint 2 in one of two.
    correct = np.array([[[1, np.nan, 0], [1, 1, 1]]])

    assert mean_over_joints(correct)[0] == pytest.approx((1 + 1 + 0.5) / 3)


def test_frames_without_extent_and_missing_joints_are_left_out():
    truth = np.concatenate([TRUTH, np.zeros_like(TRUTH), np.full_like(TRUTH, np.nan)])
    truth[0, 2] = np.nan
    correct = correct_keypoints(truth, np.zeros_like(truth), (0.5,))

    assert np.isnan(correct[0, 1:]).all()
    np.testing.assert_array_equal(correct[0, 0], [1, 0, np.nan])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["box", "max_side"]))
def test_shares_equal_brute_force(seed, norm):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 9, (4, 3, 2)).astype(float)  # Joints often coincide.
    truth[generator.random((4, 3)) < 0.2] = np.nan
    prediction = truth + generator.normal(0, 2.0, truth.shape)
    shares = []
    for joint in range(3):
        right = []
        for true, found in zip(truth, prediction):
            there = true[~np.isnan(true).any(axis=1)]
            sides = there.max(axis=0) - there.min(axis=0) if len(there) else np.zeros(2)
            length = max(sides) if norm == "max_side" else 0.6 * np.hypot(*sides)
            if length > 0 and not np.isnan(true[joint]).any():
                right.append(np.hypot(*(true[joint] - found[joint])) <= 0.3 * length)
        if right:
            shares.append(np.mean(right))

    correct = correct_keypoints(truth, prediction, (0.3,), norm)

    if shares:
        assert mean_over_joints(correct)[0] == pytest.approx(np.mean(shares))
    else:
        assert np.isnan(correct).all()
