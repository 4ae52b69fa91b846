"""Tests of sslkeras_verification.motion."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.motion import (
    area_sums,
    draw_index,
    frame_motion,
    motion_maps,
    uniform_integers,
    window_sums,
)


def test_motion_is_the_mean_length_of_the_flow():
    flow = np.zeros((1, 4, 2, 2, 2), np.float32)
    flow[0, 0], flow[0, 1], flow[0, 3, 0, 0] = (1, 1), (3, 4), (6, 8)
    video = tf.zeros([1, 5, 2, 2, 1])

    motion = frame_motion(motion_maps({"video": video, "flow": flow}, "feature"))

    np.testing.assert_allclose(motion, [[1.41421356, 5, 0, 2.5]], rtol=1e-6)


def test_a_flow_for_the_last_frame_is_left_out():
    batch = {"video": tf.zeros([1, 3, 2, 2, 1]), "flow": tf.ones([1, 3, 2, 2, 2])}

    assert motion_maps(batch, "feature").shape == (1, 2, 2, 2)


def test_frame_difference_is_that_of_the_mean_of_the_channels():
    video = np.zeros((1, 3, 1, 2, 3), np.float32)
    video[0, 1, 0, 0] = (0.3, 0.6, 0.0)

    maps = motion_maps({"video": video}, "frame_difference")

    np.testing.assert_allclose(maps, [[[[0.3, 0]], [[0.3, 0]]]], atol=1e-7)


def test_without_a_source_all_motion_is_equal():
    maps = motion_maps({"video": tf.random.uniform([2, 4, 3, 3, 1])}, "uniform")

    assert maps.shape == (2, 3, 3, 3)
    assert np.ptp(maps) == 0


def test_window_sums_and_probabilities():
    motion = tf.constant([[0.0, 1, 3, 0, 4, 2]])

    sums = window_sums(motion, 3)

    np.testing.assert_allclose(sums, [[4, 4, 7, 6]])
    drawn = draw_index(sums, tf.random.stateless_uniform([1, 40_000], [1, 2]))
    share = np.bincount(drawn[0], minlength=4) / 40_000
    np.testing.assert_allclose(share, [0.19047619, 0.19047619, 0.33333333, 0.28571429], atol=0.01)


def test_area_sums_are_those_of_a_box_filter():
    values = np.random.default_rng(0).random((2, 6, 7)).astype(np.float32)

    boxes = tf.nn.avg_pool2d(values[..., np.newaxis], (3, 2), 1, "VALID")[..., 0] * 6

    np.testing.assert_allclose(area_sums(values, 3, 2), boxes, rtol=1e-4)


def test_nothing_is_drawn_where_nothing_moves():
    weights = tf.constant([[0.0, 2, 0, 1, 0]])

    drawn = draw_index(weights, tf.constant([[0.0, 0.6666, 0.6667, 0.9999999]]))

    np.testing.assert_array_equal(drawn, [[1, 1, 3, 3]])


def test_without_any_motion_all_is_equally_likely():
    drawn = draw_index(tf.zeros([1, 4]), tf.constant([[0.0, 0.25, 0.5, 0.75, 0.9999999]]))

    np.testing.assert_array_equal(drawn, [[0, 1, 2, 3, 3]])


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 3), (0.49, 4), (0.51, 5), (0.9999999, 6)])
def test_integers_take_both_ends(uniform, expected):
    assert int(uniform_integers(tf.constant(uniform), 3, 6)) == expected
