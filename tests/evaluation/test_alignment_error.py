"""Tests of sslkeras.evaluation.alignment_error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from sslkeras.datasets.dataset import ArraySplit
from sslkeras.errors import DataError
from sslkeras.evaluation.alignment_error import AlignmentError, alignment_error
from tests.evaluation.videos import subject_of_videos

A, B = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.1], [2.1], [1.2], [3.4]])


def subject(*sequences, **more):
    """Sequences `(views, frames)` of one pixel."""
    views = np.array(sequences, np.float32)[..., np.newaxis, np.newaxis, np.newaxis]
    split = ArraySplit({"views": views, **more})
    return subject_of_videos(split, split)


def test_error_is_the_distance_in_time_to_the_nearest_frame():
    # Neighbours 0, 2, 1, 3: (0 + 1 + 1 + 0) / 4 / 4.
    assert alignment_error(A, B) == pytest.approx(0.125)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_the_error_agrees_with_scikit_learns_neighbours(seed, frames):
    first, second = np.random.default_rng(seed).normal(size=(2, frames, 3))
    found = NearestNeighbors(n_neighbors=1).fit(second).kneighbors(first)[1][:, 0]
    expected = np.abs(found - np.arange(frames)).mean() / frames

    assert alignment_error(first, second) == pytest.approx(expected)


def test_both_directions_and_all_sequences_count():
    found = AlignmentError().run(subject([A[:, 0], B[:, 0]], [A[:, 0], A[:, 0]]), 0)

    # B to A: .1, 2.1, 1.2, 3.4 are nearest to 0, 2, 1, 3: .125 too; the second sequence: 0.
    assert found["error"] == pytest.approx(0.125 / 2)


def test_chance_is_a_third_for_long_sequences():
    generator = np.random.default_rng(0)
    views = generator.normal(size=(20, 2, 100))

    found = AlignmentError().run(subject(*views), 0)

    assert found["chance"] == pytest.approx(0.3333, abs=1e-4)
    assert found["error"] == pytest.approx(1 / 3, abs=0.02)


def test_padding_is_left_out():
    views = [np.r_[A[:, 0], 9.0], np.r_[B[:, 0], 3.0]]  # The padding would be a neighbour.

    found = AlignmentError().run(subject(views, num_frames=np.array([4])), 0)

    assert found["error"] == pytest.approx(0.125)


def test_one_view_is_refused():
    with pytest.raises(DataError, match=r"two or more views and frames.*Received: .*\(1, 4, 1\)"):
        AlignmentError().run(subject([A[:, 0]]), 0)
