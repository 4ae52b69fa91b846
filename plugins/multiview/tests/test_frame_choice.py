"""Tests of sslkeras_multiview.frame_choice."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_multiview.frame_choice import (
    aligned_pairs,
    run_of_frames,
    take_frames,
    triplets_in_time,
)

SEED = tf.constant([1, 2])


@pytest.mark.parametrize(("views", "frames", "window"), [(2, 9, 580), (3, 12, 5)])
def test_moments_differ_and_so_do_the_views(views, frames, window):
    times, view, other = aligned_pairs(SEED, 400, views, frames, 4, window)

    ordered = np.sort(times, axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()
    assert ordered.min() == 0 and ordered.max() == frames - 1
    assert (ordered[:, -1] - ordered[:, 0]).max() == min(window, frames) - 1
    assert (view.numpy() != other.numpy()).all()
    # Each ordered pair of views equally often, within four deviations.
    counts = np.zeros((views, views))
    np.add.at(counts, (view.numpy().ravel(), other.numpy().ravel()), 1)
    expected = 1600 / (views * (views - 1))
    drawn = counts[~np.eye(views, dtype=bool)]
    assert np.abs(drawn - expected).max() < 4 * np.sqrt(expected)


def test_every_moment_is_drawn_equally_often():
    times = aligned_pairs(SEED, 2000, 2, 8, 4, 8)[0].numpy()

    counts = np.bincount(times.ravel(), minlength=8)
    assert np.abs(counts - 1000).max() < 4 * np.sqrt(500)


def test_frames_in_a_row_begin_anywhere():
    times = run_of_frames(SEED, 300, 9, 4).numpy()

    assert (np.diff(times, axis=1) == 1).all()
    assert set(times[:, 0]) == set(range(6))


def test_positives_are_near_and_negatives_far():
    anchor, positive, negative = (
        part.numpy() for part in triplets_in_time(SEED, 500, 9, 3, near=2, far=4)
    )

    assert set(np.abs(positive - anchor).ravel()) == {1, 2}
    assert np.abs(negative - anchor).min() == 5 and np.abs(negative - anchor).max() == 8
    for part in (anchor, positive, negative):
        assert part.min() >= 0 and part.max() <= 8
    # In the middle no frame is far enough.
    assert set(anchor.ravel()) == {0, 1, 2, 3, 5, 6, 7, 8}


def test_frames_are_taken_by_view_and_moment():
    views = tf.reshape(tf.range(2 * 3 * 4), [2, 3, 4, 1, 1, 1])

    taken = take_frames(views, tf.constant([[2, 0], [1, 1]]), tf.constant([[3, 1], [0, 2]]))

    np.testing.assert_array_equal(np.squeeze(taken), [[11, 1], [16, 18]])
