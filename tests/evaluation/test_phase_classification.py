"""Tests of sslkeras.evaluation.phase_classification."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sslkeras.errors import DataError
from sslkeras.evaluation.phase_classification import (
    PhaseClassification,
    drawn,
    half_interval,
    labelled,
)
from tests.evaluation.videos import split_of, subject_of_videos


def clips(count, seed, noise=0.3):
    """Videos of 6 to 8 frames in three phases; the first feature is about the phase."""
    generator = np.random.default_rng(seed)
    phases = [np.sort(np.r_[0, 1, 2, generator.integers(0, 3, 3 + n % 3)]) for n in range(count)]
    videos = [
        np.stack([phase + noise * generator.normal(size=len(phase)), 0 * phase], axis=1)
        for phase in phases
    ]
    return videos, phases


def subject(train=10, noise=0.3):
    return subject_of_videos(split_of(*clips(train, 0, noise)), split_of(*clips(4, 1, noise)))


@pytest.mark.parametrize("classifier", ["svm", "linear"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_accuracy_is_that_of_scikit_learn_on_the_frames(classifier, seed):
    # The second feature is constant.
    (train, train_phases), (test, phases) = clips(6, seed), clips(4, seed + 1)
    linear = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cg", tol=1e-7))
    reference = SVC() if classifier == "svm" else linear
    reference.fit(np.concatenate(train).astype(np.float32), np.concatenate(train_phases))
    judged = subject_of_videos(split_of(train, train_phases), split_of(test, phases))

    found = PhaseClassification(videos=(1.0,), classifier=classifier).run(judged, 0)

    expected = reference.score(np.concatenate(test).astype(np.float32), np.concatenate(phases))
    assert found["accuracy, 100% of videos"] == pytest.approx(expected)


@pytest.mark.parametrize("classifier", ["svm", "linear"])
def test_more_labelled_videos_tell_more_than_the_majority(classifier):
    found = PhaseClassification(classifier=classifier).run(subject(noise=0.05), 0)

    assert list(found) == [
        "accuracy, 10% of videos",
        "accuracy, 50% of videos",
        "accuracy, 100% of videos",
        "majority",
    ]
    assert found["accuracy, 100% of videos"] > 0.95 > found["majority"]


def test_few_shot_episodes_have_a_mean_and_an_interval():
    probe = PhaseClassification(videos=(1, 2, 10), episodes=5)

    found = probe.run(subject(), 0)

    assert set(found) == {
        "accuracy, 1 video",
        "accuracy, 1 video, 95% interval",
        "accuracy, 2 videos",
        "accuracy, 2 videos, 95% interval",
        "accuracy, 10 videos",  # All of them: nothing is drawn.
        "majority",
    }
    assert found == probe.run(subject(), 0)
    assert found != probe.run(subject(), 1)


def test_the_interval_is_students():
    values = [0.5, 0.7, 0.8, 0.6]

    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))

    assert half_interval(values) == pytest.approx((high - low) / 2)


def test_fractions_are_of_videos_and_at_least_one():
    assert [labelled(amount, 12) for amount in (0.01, 0.5, 1.0, 3)] == [1, 6, 12, 3]
    assert set(drawn(12, 3, 0, 0)) < set(drawn(12, 6, 0, 0))
    with pytest.raises(DataError, match="as many videos as are labelled. Received: 12 videos"):
        labelled(13, 12)


def test_labelled_videos_of_one_phase_name_it_always():
    train = split_of([[[0.0], [0.0]], [[5.0], [5.0]]], [[0, 0], [1, 1]])
    test = split_of([[[0.0], [0.0], [5.0]]], [[0, 0, 1]])

    found = PhaseClassification(videos=(1,), episodes=30).run(subject_of_videos(train, test), 0)

    # Either 2/3 or 1/3 are right.
    assert 1 / 3 < found["accuracy, 1 video"] < 2 / 3


def test_one_phase_only_is_refused():
    split = split_of([[[0.0], [1.0]]], [[1, 1]])

    with pytest.raises(DataError, match=r"two or more phases in the train split. Received: \[1\]"):
        PhaseClassification().run(subject_of_videos(split, split), 0)


def test_phases_that_do_not_match_the_frames_are_refused():
    split = split_of([[[0.0], [1.0]]], phase=np.array([[0, 1, 1]]))

    with pytest.raises(DataError, match=r"one value for each frame.*\(3,\) for 2 frames \(train"):
        PhaseClassification().run(subject_of_videos(split, split), 0)


@pytest.mark.parametrize("phase", [[[0.5, 1.5]], [[-1, 0]]])
def test_phases_that_are_no_whole_numbers_are_refused(phase):
    split = split_of([[[0.0], [1.0]]], phase=np.array(phase))

    with pytest.raises(DataError, match="must be integers >= 0"):
        PhaseClassification().run(subject_of_videos(split, split), 0)
