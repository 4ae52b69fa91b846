"""Tests of sslkeras.evaluation.ridge."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sslkeras.evaluation.ridge import fit_ridge
from tests.evaluation.tables import tables


@settings(max_examples=60, deadline=None)
@given(tables(most_columns=9), st.integers(1, 3), st.sampled_from([0.1, 1.0, 50.0]))
def test_predictions_agree_with_scikit_learn(rows, numbers, l2):
    # More rows than columns, fewer, a single one, constant columns: both normal equations.
    targets = np.random.default_rng(len(rows)).normal(2.0, 3.0, (len(rows), numbers))
    others = np.random.default_rng(0).normal(size=(4, rows.shape[1]))
    reference = Ridge(alpha=l2, solver="svd").fit(rows.astype(np.float64), targets)

    predict = fit_ridge(rows, targets, l2)

    for wanted in (rows, others):
        expected = reference.predict(wanted.astype(np.float64)).reshape(len(wanted), numbers)
        np.testing.assert_allclose(predict(wanted), expected, rtol=1e-7, atol=1e-7)
