"""Tests of sslkeras.evaluation.frame_retrieval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from sslkeras.errors import DataError
from sslkeras.evaluation.frame_retrieval import FrameRetrieval, neighbours
from tests.evaluation.videos import split_of, subject_of_videos

VIDEOS = [[[0.0], [1.0], [2.0], [3.0]], [[0.1], [2.9]]]
PHASES = [[0, 0, 1, 1], [0, 1]]


def judge(videos=VIDEOS, phases=PHASES, **arguments):
    split = split_of(videos, phases)
    subject = subject_of_videos(split, split)
    return FrameRetrieval(**arguments).run(subject, 0), subject


def test_neighbours_are_indices_of_frames_of_the_other_video():
    found = neighbours([np.array(video) for video in VIDEOS], [(0, 1), (1, 0)])

    assert {pair: indices.tolist() for pair, indices in found.items()} == {
        (0, 1): [0, 0, 1, 1],
        (1, 0): [0, 3],
    }


def test_metrics_of_two_videos():
    found, _ = judge(k=(1, 2))

    assert found["phase agreement@1"] == found["AP@1"] == pytest.approx(1.0)
    # Video 0: one of the 2 frames there has the phase. Video 1: .1 finds 0 and 1, 2.9 finds
    # 3 and 2: all right. (4 * .5 + 2 * 1) / 6.
    assert found["AP@2"] == pytest.approx(4 / 6)
    assert found["chance AP"] == pytest.approx(0.5)
    # t/T of video 0 is 0, .25, .5, .75, of its neighbours 0, 0, .5, .5; of video 1 it is 0,
    # .5, of its neighbours 0, .75: (0 + .25 + 0 + .25 + 0 + .25) / 6.
    assert found["progress difference"] == pytest.approx(0.125)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_metrics_agree_with_scikit_learns_neighbours(seed):
    generator = np.random.default_rng(seed)
    lengths = [1, 4, 6]  # A single frame among them.
    videos = [generator.normal(size=(n, 2)).astype(np.float32) for n in lengths]
    phases = [np.sort(generator.integers(0, 3, n)) for n in lengths]
    agreement, difference, precision = [], [], []
    for a in range(3):
        others = [b for b in range(3) if b != a]
        bank, of_bank = (np.concatenate([x[b] for b in others]) for x in (videos, phases))
        near = NearestNeighbors(n_neighbors=3).fit(bank).kneighbors(videos[a])[1]
        precision.extend((of_bank[near] == phases[a][:, np.newaxis]).mean(axis=1))
        for b in others:
            near = NearestNeighbors(n_neighbors=1).fit(videos[b]).kneighbors(videos[a])[1][:, 0]
            agreement.extend(phases[b][near] == phases[a])
            difference.extend(np.abs(np.arange(lengths[a]) / lengths[a] - near / lengths[b]))

    found, _ = judge(videos, phases, k=(3,))

    assert found["phase agreement@1"] == pytest.approx(np.mean(agreement))
    assert found["progress difference"] == pytest.approx(np.mean(difference))
    assert found["AP@3"] == pytest.approx(np.mean(precision))


def test_frames_of_all_other_videos_are_ranked_together():
    videos = [[[0.0]], [[0.1], [0.2]], [[0.3], [0.4]]]

    found, _ = judge(videos, [[0], [0, 0], [1, 1]], k=(3,))

    # Query 0: .1, .2, .3 -> 2/3. Video 1, query .1: 0, .3, .4; query .2: .3, .4, 0 -> 1/3 each.
    # Video 2, either query: .2, .1, 0 -> none.
    assert found["AP@3"] == pytest.approx((2 / 3 + 1 / 3 + 1 / 3) / 5)


def test_more_neighbours_than_frames_are_said():
    found, subject = judge(k=(5,))

    assert found["AP@5"] == pytest.approx(0.5)
    assert "AP@5 of frame_retrieval is over the 2 frames there" in subject.notes[0]


def test_one_video_is_refused():
    with pytest.raises(DataError, match="needs 2 or more videos in the test split. Received: 1"):
        judge(VIDEOS[:1], PHASES[:1])
