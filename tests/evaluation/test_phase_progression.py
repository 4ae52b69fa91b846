"""Tests of sslkeras.evaluation.phase_progression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from sslkeras.errors import DataError
from sslkeras.evaluation.phase_progression import (
    PhaseProgression,
    event_frame,
    fitted,
    progress,
    score,
)
from tests.evaluation.tables import tables
from tests.evaluation.videos import split_of, subject_of_videos


def test_targets_are_the_time_from_each_event_as_a_share_of_the_video():
    np.testing.assert_allclose(progress(np.array([0, 0, 1, 1]), 1)[:, 0], [-0.25, 0, 0.25, 0.5])

    found = progress(np.array([0, 0, 1, 1, 1, 2, 2, 2]), 2)

    np.testing.assert_allclose(found[:, 0], np.arange(-1, 7) / 8)
    np.testing.assert_allclose(found[:, 1], np.arange(-4, 4) / 8)


def test_the_event_of_a_missing_phase_is_where_the_next_one_begins():
    phases = np.array([0, 0, 2, 2, 2])

    assert [event_frame(phases, event) for event in range(5)] == [1, 2, 4, 4, 4]


def test_score_of_ordinary_least_squares():
    # Slope .33 and intercept -.02: predictions .145 and .805.
    train, targets = np.array([[0.0], [1], [2], [3]]), np.array([[0.0], [0.3], [0.6], [1.0]])

    found = score(fitted(train, targets), np.array([[0.5], [2.5]]), np.array([[0.2], [0.8]]))

    assert found == pytest.approx(0.98305556, abs=1e-7)


@settings(max_examples=30, deadline=None)
@given(tables(least_rows=2), st.integers(0, 10_000))
def test_scores_are_averaged_over_events(train, seed):
    generator = np.random.default_rng(seed)
    count, test = len(train), train[:2] + np.float32(0.5)
    test = np.concatenate([test, train])
    targets = generator.normal(size=(count, 2))
    truth = generator.normal(size=(len(test), 2)) * [1.0, 50.0]
    # The shortest solution where features are constant or more than frames.
    centre = train.mean(axis=0, dtype=np.float64)
    weights = np.linalg.pinv(train - centre, rcond=1e-9) @ (targets - targets.mean(axis=0))
    predicted = (test - centre) @ weights + targets.mean(axis=0)

    found = score(fitted(train, targets), test, truth)

    assert found == pytest.approx(np.mean([r2_score(truth[:, e], predicted[:, e]) for e in (0, 1)]))


def test_features_that_are_the_time_predict_it():
    phases = [[0, 0, 1, 1], [0, 0, 1, 1]]
    videos = [np.arange(4.0)[:, np.newaxis]] * 2
    split = split_of(videos, phases)

    found = PhaseProgression().run(subject_of_videos(split, split), 0)

    assert found == {"R^2": pytest.approx(1.0)}


def test_one_phase_only_is_refused():
    split = split_of([[[0.0], [1.0]]], [[0, 0]])

    with pytest.raises(DataError, match="two or more phases. Received: phase 0 alone"):
        PhaseProgression().run(subject_of_videos(split, split), 0)
