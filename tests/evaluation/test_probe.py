"""Tests of sslkeras.evaluation.probe."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from sslkeras.evaluation.probe import accuracies, class_indices


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 8))
def test_accuracies_agree_with_scikit_learn(seed, count, num_classes):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, num_classes, count)
    scores = generator.permuted(np.tile(np.arange(num_classes), (count, 1)), axis=1) / 4
    labels = np.arange(num_classes)

    found = accuracies(scores, truth)

    answers = scores.argmax(axis=1)
    assert found["top-1"] == pytest.approx(metrics.accuracy_score(truth, answers))
    recalls = metrics.recall_score(truth, answers, labels=np.unique(truth), average=None)
    assert found["per class"] == pytest.approx(recalls.mean())
    assert ("top-5" in found) == (num_classes >= 6)
    if num_classes >= 6:
        expected = metrics.top_k_accuracy_score(truth, scores, k=5, labels=labels)
        assert found["top-5"] == pytest.approx(expected)


def test_of_equal_scores_the_smaller_class_comes_first():
    scores = np.zeros((2, 7))

    found = accuracies(scores, np.array([0, 5]))

    # Of seven equal classes 0 is the first, and 5 is no longer among the first five.
    assert found == {"top-1": 0.5, "top-5": 0.5, "per class": 0.5}


def test_unknown_test_classes_are_a_class_of_their_own_that_is_never_right():
    found = accuracies(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, -1]))

    assert found == {"top-1": 0.5, "per class": 0.5}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=2), st.lists(st.sampled_from("abcde")))
def test_indices_lead_back_to_the_classes(train, test):
    train, test, notes = np.array(["a", "b", *train]), np.array(test, dtype="<U1"), []

    classes, indices, test_indices = class_indices(train, test, "label", notes.append)

    assert (classes[indices] == train).all()
    known = np.isin(test, train)
    assert (classes[test_indices[known]] == test[known]).all()
    assert (test_indices[~known] == -1).all()
    assert len(notes) == (not known.all())
