"""Tests of sslkeras_verification.horn_schunck."""

import numpy as np
import tensorflow as tf
from sslkeras_verification.horn_schunck import flow_of_clips, horn_schunck


def blob(x, y, side=24):
    """A smooth blob, `(1, side, side, 1)`."""
    rows, columns = np.mgrid[:side, :side]
    frame = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    return tf.constant(frame[np.newaxis, ..., np.newaxis], tf.float32)


def test_a_blob_that_moves_by_a_pixel_moves_to_the_right():
    flow = horn_schunck(blob(11, 12), blob(12, 12))

    mean = tf.reduce_mean(flow, axis=(0, 1, 2)).numpy()
    assert mean[0] > 0.1 and abs(mean[1]) < 0.01 * mean[0]
    # Where the blob is steep, it is the displacement itself, up to the smoothness.
    assert 0.8 < flow[0, 12, 8, 0] < 1.1


def test_swapping_the_frames_changes_the_sign_and_nothing_else():
    first, second = blob(11, 12), blob(12, 13)

    there, back = horn_schunck(first, second), horn_schunck(second, first)

    np.testing.assert_allclose(back, -there, atol=1e-6)
    assert np.abs(there).max() > 0.5


def test_down_is_positive_v():
    mean = tf.reduce_mean(horn_schunck(blob(12, 11), blob(12, 12)), axis=(0, 1, 2)).numpy()

    assert mean[1] > 0.1 and abs(mean[0]) < 0.01 * mean[1]


def test_what_stands_still_has_no_flow():
    np.testing.assert_array_equal(horn_schunck(blob(9, 9), blob(9, 9)), np.zeros((1, 24, 24, 2)))


def test_clips_give_a_field_from_each_frame_to_the_next():
    frames = tf.concat([blob(8, 8), blob(9, 8), blob(9, 9)], axis=0)
    colours = tf.stack([frames[..., 0], frames[..., 0], frames[..., 0]], axis=-1)

    flow = flow_of_clips(colours[tf.newaxis])

    assert flow.shape == (1, 2, 24, 24, 2)
    np.testing.assert_allclose(flow[0, 0], horn_schunck(blob(8, 8), blob(9, 8))[0], atol=1e-6)
    np.testing.assert_allclose(flow[0, 1], horn_schunck(blob(9, 8), blob(9, 9))[0], atol=1e-6)
