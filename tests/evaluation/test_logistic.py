"""Tests of sslkeras.evaluation.logistic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sslkeras.evaluation import logistic
from sslkeras.evaluation.logistic import Logistic, cross_entropy, fit_logistic
from tests.evaluation.tables import classified


def expected_of(rows, truth, l2, others):
    """Probabilities of the classes that occur, by scikit-learn.

    Its two-class model has one weight vector for the difference of ours, w = w1 - w0 with
    w1 = -w0, whose penalty is half of theirs: C is twice as large.
    """
    c = (2.0 if len(np.unique(truth)) == 2 else 1.0) / l2
    model = LogisticRegression(C=c, solver="newton-cg", max_iter=1000, tol=1e-8).fit(rows, truth)
    return model.predict_proba(others)


@settings(max_examples=25, deadline=None)
@given(classified(), st.sampled_from([0.1, 1.0, 10.0]))
def test_probabilities_agree_with_scikit_learn(drawn, l2):
    rows, truth = drawn[0].astype(np.float64), drawn[1]
    rows -= rows.mean(axis=0)  # Far from the origin scikit-learn's own fit does not converge.
    present = np.unique(truth)

    scores = fit_logistic(rows, truth, l2, 4)(rows)

    found = softmax(scores, axis=1)
    np.testing.assert_allclose(found[:, present], expected_of(rows, truth, l2, rows), atol=3e-4)
    assert (np.delete(found, present, axis=1) == 0.0).all()


@settings(max_examples=12, deadline=None)
@given(classified(most_columns=60, most_rows=12))
def test_more_features_than_examples_agree_with_scikit_learn(drawn):
    rows, truth = drawn[0].astype(np.float64), drawn[1]
    rows -= rows.mean(axis=0)

    found = softmax(fit_logistic(rows, truth, 1.0, 4)(rows)[:, np.unique(truth)], axis=1)

    np.testing.assert_allclose(found, expected_of(rows, truth, 1.0, rows), atol=3e-4)


def overlapping(count, width, classes, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, count)
    centres = generator.normal(size=(classes, width))
    rows = centres[truth] + 3.0 * generator.normal(size=(count, width))
    return rows @ np.diag(np.linspace(0.2, 2.0, width)), truth


@pytest.mark.parametrize("largest", [4096, 10])
def test_the_gradient_at_the_minimum_is_zero(largest, monkeypatch):
    monkeypatch.setattr(logistic, "_LARGEST_FACTOR", largest)
    rows, truth = overlapping(3000, 40, 5)
    notes = []

    scores = fit_logistic(rows, truth, 2.0, 5, notes.append)

    bias = scores(np.zeros((1, 40)))[0]
    weights = scores(np.eye(40)) - bias
    _, slope, bias_slope = cross_entropy(rows, truth, weights, bias)
    _, first, _ = cross_entropy(rows, truth, 0 * weights, 0 * bias)
    assert np.linalg.norm(slope + 2.0 * weights) < 1e-3 * np.linalg.norm(first)
    assert np.linalg.norm(bias_slope) < 1e-3 * np.linalg.norm(first)
    assert notes == []


def test_a_fit_that_begins_at_another_ends_at_the_same_minimum():
    rows, truth = overlapping(800, 20, 4)
    path = Logistic(rows, truth, 4)

    found = [path.fit(l2) for l2 in (100.0, 1.0, 0.1)]

    for scores, l2 in zip(found, (100.0, 1.0, 0.1), strict=True):
        np.testing.assert_allclose(
            softmax(scores(rows), axis=1),
            softmax(fit_logistic(rows, truth, l2, 4)(rows), axis=1),
            atol=2e-4,
        )


def test_features_that_repeat_each_other_are_no_obstacle():
    rows, truth = overlapping(600, 10, 3)
    notes = []
    # Rank 10 of 40, and scales from 1e-6 to 1e4.
    wide = np.tile(rows, 4) * np.repeat([1.0, 1e-6, 1e4, 1.0], 10)

    found = fit_logistic(wide, truth, 0.01, 3, notes.append)(wide)

    assert notes == []
    expected = expected_of(wide, truth, 0.01, wide)
    np.testing.assert_allclose(softmax(found, axis=1), expected, atol=2e-3)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_the_loss_and_its_gradients_have_the_values_of_numpy(dtype, tolerance):
    rows, truth = overlapping(50, 4, 3)
    weights, bias = np.random.default_rng(1).normal(size=(4, 3)), np.array([0.5, -0.5, 0.0])
    scores = rows @ weights + bias
    error = softmax(scores, axis=1) - np.eye(3)[truth]

    value, slope, bias_slope = cross_entropy(rows, truth, weights, bias, dtype)

    expected = log_loss(truth, softmax(scores, axis=1), normalize=False)
    assert value == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(slope, rows.T @ error, rtol=100 * tolerance, atol=tolerance)
    np.testing.assert_allclose(bias_slope, error.sum(axis=0), rtol=100 * tolerance, atol=tolerance)
