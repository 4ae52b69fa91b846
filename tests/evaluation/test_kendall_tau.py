"""Tests of sslkeras.evaluation.kendall_tau."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sslkeras.errors import DataError
from sslkeras.evaluation.kendall_tau import KendallTau, tau
from sslkeras.evaluation.nearest import nearest
from tests.evaluation.videos import split_of, subject_of_videos

A, B = [[0], [1], [2], [3], [4]], [[0.1], [0.9], [2.6], [1.9], [4.2]]


def judge(*videos, **arguments):
    more = {"activity": arguments.pop("activity")} if "activity" in arguments else {}
    split = split_of(videos, **more)
    subject = subject_of_videos(split, split)
    return KendallTau(**arguments).run(subject, 0), subject


def test_neighbours_of_two_videos_and_their_tau():
    _, indices = nearest(np.array(A, float), np.array(B))

    assert indices[:, 0].tolist() == [0, 1, 3, 2, 4]
    assert tau(indices[:, 0]) == pytest.approx(0.8)  # 9 pairs in order, 1 not.


@pytest.mark.parametrize(
    "indices, expected",
    [
        ([0, 1, 1, 3, 4], 0.94868330),  # tau-a would be .9.
        ([0, 2, 1, 3, 4], 0.8),
        ([0, 1, 1, 3], 0.91287093),
        ([3, 2, 1, 0], -1.0),
    ],
)
def test_tau_counts_ties(indices, expected):
    assert tau(np.array(indices)) == pytest.approx(expected, abs=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=9))
def test_tau_agrees_with_its_definition_and_with_scipy(indices):
    pairs = list(itertools.combinations(indices, 2))
    order = sum(np.sign(b - a) for a, b in pairs)
    tied = sum(a == b for a, b in pairs)

    found = tau(np.array(indices))

    if tied == len(pairs):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(order / np.sqrt(len(pairs) * (len(pairs) - tied)))
        expected = stats.kendalltau(np.arange(len(indices)), indices, variant="b").statistic
        assert found == pytest.approx(expected)


def test_the_mean_is_over_ordered_pairs_of_videos():
    found, _ = judge(A, B)

    # B to A: .1, .9, 2.6, 1.9, 4.2 are nearest to 0, 1, 3, 2, 4: .8 as well.
    assert found == {"tau": pytest.approx(0.8), "dropped pairs": 0.0}


def test_pairs_without_tau_are_dropped_and_counted():
    # All frames of A and B are nearest to one frame of the third, at which all its frames are.
    found, subject = judge(A, B, [[9.0], [9.0]])

    assert found["dropped pairs"] == 4.0
    assert found["tau"] == pytest.approx(0.8)
    assert "4 of 6 pairs of videos have none" in subject.notes[0]


def test_no_pair_with_a_value_is_not_a_number():
    found, _ = judge([[1.0], [1.0]], [[1.0], [1.0]])

    assert np.isnan(found["tau"])
    assert found["dropped pairs"] == 2.0


def test_only_videos_of_one_action_are_compared():
    found, _ = judge(A, B, A[::-1], B[::-1], action="activity", activity=[0, 0, 1, 1])
    mixed, _ = judge(A, B, A[::-1], B[::-1])

    assert found["tau"] == pytest.approx(0.8)
    assert mixed["tau"] < 0.0
    with pytest.raises(DataError, match="two test videos of one action. Received: one of each"):
        judge(A, B, action="activity", activity=[0, 1])


def test_the_stride_leaves_out_frames():
    found, _ = judge(A, B, stride=4)  # Frames 0 and 4 alone: in order.

    assert found["tau"] == pytest.approx(1.0)


def test_one_video_and_short_videos_are_refused():
    with pytest.raises(DataError, match="needs 2 or more videos in the test split. Received: 1"):
        judge(A)
    with pytest.raises(DataError, match="videos of 6 or more frames. Received: 5"):
        judge(A, B, stride=5)
