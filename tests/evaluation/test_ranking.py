"""Tests of sslkeras.evaluation.ranking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from sslkeras.evaluation.ranking import (
    average_precision,
    ndcg_at,
    precision_at,
    recall_at,
    recall_fraction_at,
    reciprocal_rank,
)

RANKED = np.array([[1, 0, 1, 0, 1], [0, 0, 1, 0, 0]])
GRADED = np.array([[3, 0, 2, 1, 0, 2]])


def test_average_precision_is_the_mean_precision_at_relevant_ranks():
    # (1/1 + 2/3 + 3/5) / 3 and 1/3.
    np.testing.assert_allclose(average_precision(RANKED), [0.75555556, 0.33333333], rtol=1e-7)


def test_recall_precision_and_reciprocal_rank():
    assert recall_at(RANKED, 1).mean() == pytest.approx(0.5)
    assert recall_at(RANKED, 3).mean() == pytest.approx(1.0)
    # 2 of 3 and 1 of 1.
    assert recall_fraction_at(RANKED, 3).mean() == pytest.approx(0.83333333)
    assert precision_at(RANKED, 3).mean() == pytest.approx(0.5)
    assert reciprocal_rank(RANKED).mean() == pytest.approx(0.66666667)


@pytest.mark.parametrize(
    "k, gain, expected",
    [(3, "linear", 0.76018753), (6, "linear", 0.90347973), (3, "exponential", 0.81787476)],
)
def test_ndcg_is_relative_to_the_best_order_of_the_whole_database(k, gain, expected):
    np.testing.assert_allclose(ndcg_at(GRADED, k, gain), [expected], rtol=1e-7)


def test_a_query_without_relevant_items_has_no_value():
    nothing = np.zeros((1, 4))

    assert np.isnan(average_precision(nothing)).all()
    assert np.isnan(recall_fraction_at(nothing, 2)).all()
    assert np.isnan(ndcg_at(nothing, 2)).all()
    assert recall_at(nothing, 2).tolist() == reciprocal_rank(nothing).tolist() == [0.0]


LISTS = arrays.arrays(
    np.int64, st.tuples(st.just(1), st.integers(2, 9)), elements=st.integers(0, 3)
)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.integers(1, 12))
def test_ndcg_agrees_with_scikit_learn(ranked, k):
    scores = -np.arange(ranked.shape[1], dtype=float)[np.newaxis]  # No ties: the given order.

    found = ndcg_at(ranked, k)

    if ranked.any():
        np.testing.assert_allclose(found, metrics.ndcg_score(ranked, scores, k=k), atol=1e-12)
    else:
        assert np.isnan(found).all()


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_average_precision_agrees_with_scikit_learn(ranked):
    scores = -np.arange(ranked.shape[1], dtype=float)

    found = average_precision(ranked)

    if ranked.any():
        expected = metrics.average_precision_score(ranked[0] > 0, scores)
        np.testing.assert_allclose(found, [expected], atol=1e-12)
    else:
        assert np.isnan(found).all()
