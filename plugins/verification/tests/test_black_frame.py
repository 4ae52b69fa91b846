"""Tests of sslkeras_verification.black_frame."""

import numpy as np
import tensorflow as tf
from sslkeras_verification.black_frame import visible_parts, visible_pixels


def framed(top=2, bottom=1, left=0, right=3, frames=9):
    """A clip of 10 x 12 pixels with bars as bright as 0.03."""
    video = np.full((1, frames, 10, 12, 3), 0.03, np.float32)
    video[:, :, top : 10 - bottom, left : 12 - right] = 0.5
    return video


def test_rows_and_columns_at_the_edges_are_found():
    rows, columns = visible_parts(tf.constant(framed()), 0.06)

    assert rows[0].numpy().tolist() == [False] * 2 + [True] * 7 + [False]
    assert columns[0].numpy().tolist() == [True] * 9 + [False] * 3


def test_dark_parts_in_the_middle_stay():
    video = framed()
    video[:, :, 5] = 0

    rows, _ = visible_parts(tf.constant(video), 0.06)

    assert rows[0, 5] and not rows[0, 0]


def test_a_row_that_is_lit_in_one_of_five_frames_is_no_bar():
    lit, between = framed(), framed()
    lit[:, 4, 0] = 0.5  # Of 9 frames the five are 0, 2, 4, 6 and 8.
    between[:, 3, 0] = 0.5

    assert visible_parts(tf.constant(lit), 0.06)[0][0].numpy().tolist() == [True] * 9 + [False]
    assert not visible_parts(tf.constant(between), 0.06)[0][0, 0]


def test_the_threshold_decides_and_black_clips_have_nothing_visible():
    # Columns of a frame with bars of 3 rows out of 10 are 0.359 bright, so rows alone matter.
    assert visible_parts(tf.constant(framed()), 0.02)[0].numpy().all()
    assert not visible_pixels(tf.zeros([1, 2, 4, 4, 1]), 0.06).numpy().any()


def test_the_margin_hides_pixels_beside_bars_and_none_elsewhere():
    pixels = visible_pixels(tf.constant(framed()), 0.06, margin=2)[0].numpy()

    expected = np.zeros((10, 12), bool)
    expected[4:7, 0:7] = True
    np.testing.assert_array_equal(pixels, expected)
