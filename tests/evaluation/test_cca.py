"""Tests of sslkeras.evaluation.cca."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cross_decomposition import CCA

from sslkeras.errors import DataError
from sslkeras.evaluation.cca import fit_cca


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_correlations_agree_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(60, 2))
    first = shared @ generator.normal(size=(2, 4)) + 0.3 * generator.normal(size=(60, 4))
    second = shared @ generator.normal(size=(2, 3)) + 0.3 * generator.normal(size=(60, 3))
    sides = CCA(n_components=2, max_iter=5000, tol=1e-12).fit_transform(first, second)
    expected = [np.corrcoef(sides[0][:, i], sides[1][:, i])[0, 1] for i in range(2)]

    fit = fit_cca(first, second, 2)

    np.testing.assert_allclose(fit.correlations, expected, atol=1e-4)
    a, b = fit.transform(first, second)
    np.testing.assert_allclose(a.T @ b, np.diag(fit.correlations), atol=1e-8)
    np.testing.assert_allclose(a.T @ a, np.eye(2), atol=1e-8)


def test_directions_that_do_not_vary_are_left_out():
    generator = np.random.default_rng(0)
    first = generator.normal(size=(20, 3))
    first[:, 1] = 4.0  # Rank 2.

    fit = fit_cca(first, first @ generator.normal(size=(3, 5)), 128)

    assert fit.correlations.shape == (2,)
    np.testing.assert_allclose(fit.correlations, 1.0)


def test_a_side_that_does_not_vary_is_refused():
    with pytest.raises(DataError, match="Features must vary"):
        fit_cca(np.ones((4, 2)), np.eye(4), 2)


def test_sides_of_different_length_are_refused():
    with pytest.raises(DataError, match="same number of rows. Received: 4 and 3"):
        fit_cca(np.eye(4), np.eye(3), 2)
