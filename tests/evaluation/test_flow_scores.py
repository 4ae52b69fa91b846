"""Tests of sslkeras.evaluation.flow_scores."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.evaluation.flow_scores import FlowScores, rescale_flow


def scores(truth, prediction, counted=None):
    truth = np.asarray(truth, float)
    found = FlowScores()
    counted = np.ones(truth.shape[:-1], bool) if counted is None else counted
    found.add(truth, np.asarray(prediction, float), counted)
    return found.metrics()


def test_errors_have_the_worked_values():
    prediction = np.array([[(3, 4), (0, 0)], [(1, 0), (0, 2)]], float)
    # Lengths 5, 0, 1, 2.
    assert scores(0 * prediction, prediction)["EPE"] == pytest.approx(2)
    valid = np.array([[True, True], [True, False]])
    assert scores(0 * prediction, prediction, valid)["EPE"] == pytest.approx(2)


def test_outliers_are_far_off_in_pixels_and_in_share():
    truth = [(100, 0), (2, 0), (0, 0), (50, 0)]
    prediction = [(104, 0), (6, 0), (2, 0), (54, 0)]
    # 4 of 100 is less than 5%; 2 pixels are fewer than 3.
    assert scores(truth, prediction)["Fl-all"] == 0.5


def test_flow_is_rescaled_in_size_and_value():
    flow = np.zeros((1, 4, 8, 2), np.float32)
    flow[..., 0], flow[..., 1] = 2, -1

    found = rescale_flow(flow, (8, 24))

    assert found.shape == (1, 8, 24, 2)
    np.testing.assert_allclose(found[..., 0], 6)  # Width times 3.
    np.testing.assert_allclose(found[..., 1], -2)  # Height times 2.
    np.testing.assert_array_equal(rescale_flow(flow, (4, 8)), flow)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_batches_can_be_added_in_parts(seed):
    generator = np.random.default_rng(seed)
    truth, prediction = generator.normal(0, 4, (2, 3, 5, 4, 2))
    counted = generator.random((3, 5, 4)) > 0.3
    parts = FlowScores()
    for i in range(3):
        parts.add(truth[i], prediction[i], counted[i])
    error = np.hypot(*np.moveaxis(prediction - truth, -1, 0))[counted]

    assert parts.metrics()["EPE"] == pytest.approx(error.mean())
    assert parts.metrics() == pytest.approx(scores(truth, prediction, counted))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_agree_with_their_definition_in_tensorflow(seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(-60, 60, (2, 4, 5, 2)).astype(np.float32)
    prediction = truth + generator.integers(-4, 5, truth.shape).astype(np.float32)
    error, length = tf.norm(prediction - truth, axis=-1), tf.norm(truth, axis=-1)
    outlier = tf.logical_and(error > 3.0, error / length > 0.05)  # Of length 0: infinity.

    found = scores(truth, prediction)

    assert found["EPE"] == pytest.approx(float(tf.reduce_mean(error)), rel=1e-5)
    assert found["Fl-all"] == pytest.approx(float(tf.reduce_mean(tf.cast(outlier, tf.float32))))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 3))
def test_the_flow_of_a_turned_and_stretched_image_keeps_its_meaning(height, width, factor):
    # The flow of x -> 1.1 x is 0.1 x in any resolution, pixel centres at x + 0.5.
    def growing(rows, columns):
        y, x = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, indexing="ij")
        return np.stack([0.1 * x, 0.1 * y], axis=-1)[np.newaxis].astype(np.float32)

    found = rescale_flow(growing(height, width), (height * factor, width * factor))

    inside = slice(factor, -factor)  # Resizing repeats the border.
    np.testing.assert_allclose(
        found[:, inside, inside],
        growing(height * factor, width * factor)[:, inside, inside],
        atol=1e-4,
    )
