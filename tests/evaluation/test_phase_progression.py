"""Tests of sslkeras.evaluation.phase_progression."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sslkeras.errors import DataError
from sslkeras.evaluation.phase_progression import (
    PhaseProgression,
    event_frame,
    progress,
    progression_score,
)
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

    found = progression_score(train, targets, np.array([[0.5], [2.5]]), np.array([[0.2], [0.8]]))

    assert found == pytest.approx(0.98305556, abs=1e-7)


def test_scores_are_averaged_over_events():
    generator = np.random.default_rng(0)
    train, test = generator.normal(size=(20, 3)), generator.normal(size=(9, 3))
    targets, truth = generator.normal(size=(20, 2)), generator.normal(size=(9, 2)) * [1.0, 50.0]
    design = np.c_[train, np.ones(20)]
    predicted = np.c_[test, np.ones(9)] @ np.linalg.lstsq(design, targets, rcond=None)[0]

    found = progression_score(train, targets, test, truth)

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
