"""Tests of sslkeras_verification.view."""

import numpy as np
import tensorflow as tf
from sslkeras_verification.view import crop, random_view, resize, take_frames

SEED = tf.constant([1, 2])


def frames(count=2, number=3, height=5, width=6):
    """Each pixel another value."""
    shape = (count, number, height, width, 1)
    return tf.reshape(tf.range(np.prod(shape), dtype=tf.float32), shape)


def test_crops_are_cut_at_their_corners_and_mirrored_by_example():
    given = frames()
    corners = tf.constant([[[0, 0], [1, 2], [2, 3]], [[2, 0], [0, 3], [1, 1]]])

    cut = crop(given, corners, 3, tf.constant([False, True])).numpy()

    for example in range(2):
        for frame in range(3):
            row, column = corners[example, frame].numpy()
            part = given[example, frame, row : row + 3, column : column + 3].numpy()
            np.testing.assert_array_equal(
                cut[example, frame], part[:, ::-1] if example == 1 else part
            )


def test_frames_of_one_example_are_viewed_alike():
    shown = tf.repeat(frames(count=64, number=1, height=8, width=8), 3, axis=1)

    views = random_view(shown, SEED, 6, margin=2, mirror=True).numpy()

    assert views.shape == (64, 3, 6, 6, 1)
    np.testing.assert_array_equal(views[:, 0], views[:, 1])
    np.testing.assert_array_equal(views[:, 0], views[:, 2])
    steps = views[:, 0, 0, 1, 0] - views[:, 0, 0, 0, 0]
    assert set(steps) == {-1.0, 1.0}  # Some are mirrored, some are not.
    corners = (views.min(axis=(1, 2, 3, 4)) - shown.numpy().min(axis=(1, 2, 3, 4))).astype(int)
    assert {(corner // 8, corner % 8) for corner in corners} == {
        (row, column) for row in range(3) for column in range(3)
    }


def test_frames_of_the_right_size_stay_as_they_are():
    given = frames(height=5, width=5)

    assert random_view(given, SEED, 5, margin=0, mirror=False) is given


def test_resizing_keeps_the_mean():
    given = tf.random.stateless_uniform([1, 2, 32, 32, 3], SEED)

    small = resize(given, 8)

    assert small.shape == (1, 2, 8, 8, 3)
    # Every pixel counts: plain interpolation would read a quarter of them.
    assert np.std(small) < 0.25 * np.std(given)
    np.testing.assert_allclose(tf.reduce_mean(small), tf.reduce_mean(given), atol=0.01)


def test_frames_are_taken_from_their_own_clip():
    video = frames(count=2, number=4)

    taken = take_frames(video, tf.constant([[3, 0], [1, 1]]))

    np.testing.assert_array_equal(taken[0, 0], video[0, 3])
    np.testing.assert_array_equal(taken[1, 1], video[1, 1])
