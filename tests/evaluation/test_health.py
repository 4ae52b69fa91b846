"""Tests of sslkeras.evaluation.health."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from sslkeras.errors import DataError
from sslkeras.evaluation.health import check_finite, effective_rank, health, is_collapsed
from tests.evaluation.tables import tables


def test_rows_that_are_not_finite_are_counted():
    features = np.ones((4, 2), np.float32)
    features[1, 0], features[3] = np.nan, np.inf

    with pytest.raises(DataError, match=r"2 of 4 rows \(pretrained, test split\)"):
        check_finite(features, "pretrained", "test")


def test_effective_rank_is_the_exponential_of_the_entropy():
    # Singular values 3, 1 -> shares .75, .25 -> entropy .5623351 -> exp 1.7547654.
    features = np.diag([3.0, 1.0])

    assert effective_rank(features) == pytest.approx(1.7547654, rel=1e-6)


@pytest.mark.parametrize("shape", [(50, 8), (8, 50)])
def test_effective_rank_equals_that_of_a_singular_value_decomposition(shape):
    features = np.random.default_rng(0).normal(size=shape)
    share = np.linalg.svd(features, compute_uv=False)
    share = share / share.sum()

    assert effective_rank(features) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_constant_features_are_collapsed_and_of_rank_one():
    features = np.tile(np.float32([3.0, -1.0]), (20, 1))

    assert is_collapsed(features)
    assert health(features)["feature std"] == pytest.approx(0.0)
    assert health(features)["effective rank"] == pytest.approx(1.0, abs=1e-4)
    assert not is_collapsed(np.random.default_rng(0).normal(size=(20, 2)))


def test_features_that_are_all_zero_have_rank_zero():
    assert effective_rank(np.zeros((5, 3))) == 0.0


@settings(max_examples=60, deadline=None)
@given(tables(most_columns=9))
def test_rank_and_deviation_agree_with_scipy_and_numpy(rows):
    singular = np.linalg.svd(rows.astype(np.float64), compute_uv=False)
    expected = np.exp(stats.entropy(singular)) if singular.any() else 0.0

    found = health(rows)

    # Through squares, a singular value of 0 comes out at 1e-8 of the largest.
    assert found["effective rank"] == pytest.approx(expected, rel=1e-5)
    deviations = rows.astype(np.float64).std(axis=0)
    assert found["feature std"] == pytest.approx(deviations.mean(), abs=1e-9)
    assert is_collapsed(rows) == (
        len(rows) > 1 and not deviations.max() > 1e-6 * np.abs(rows).max()
    )


def test_a_single_row_is_not_called_collapsed():
    assert not is_collapsed(np.ones((1, 3), np.float32))
    assert health(np.ones((1, 3), np.float32))["effective rank"] == pytest.approx(1.0)
