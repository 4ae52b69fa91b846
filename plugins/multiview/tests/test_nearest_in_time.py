"""Tests of sslkeras_multiview.nearest_in_time."""

import tensorflow as tf
from sslkeras_multiview.nearest_in_time import NearestInTime


def accuracy(embeddings, time, near=0, far=0):
    metric = NearestInTime(near, far)
    outputs = {"embeddings": tf.constant(embeddings)[..., tf.newaxis], "time": tf.constant(time)}
    metric.update_state(None, outputs)
    return float(metric.result())


def test_frames_nearer_to_their_own_moment_are_counted():
    # Two sequences, anchors before positives: moments 0 and 1 each.
    assert accuracy([[0.0, 5.0, 0.1, 5.1], [10.0, 15.0, 10.1, 15.1]], [[0, 1, 0, 1]] * 2) == 1
    # The last two frames are swapped, so that all four are nearer to another moment.
    assert accuracy([[0.0, 5.0, 5.1, 0.1], [10.0, 15.0, 10.1, 15.1]], [[0, 1, 0, 1]] * 2) == 0.5


def test_a_collapsed_encoder_scores_nothing():
    assert accuracy([[1.0, 1.0, 1.0, 1.0]], [[0, 1, 0, 1]]) == 0


def test_frames_in_between_do_not_count_and_lonely_ones_are_left_out():
    # 0 and 1 belong together; 9 has no positive; 3 is neither to 1 nor to 0 a negative.
    assert accuracy([[0.0, 1.0, 0.1, 5.0]], [[0, 1, 3, 9]], near=1, far=3) == 1
    assert accuracy([[0.0, 1.0, 9.0, 0.1]], [[0, 1, 3, 9]], near=1, far=3) == 0
