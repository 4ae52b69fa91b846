"""Tests of sslkeras.evaluation.keypoint_scores."""

import numpy as np
import pytest

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
