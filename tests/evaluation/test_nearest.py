"""Tests of sslkeras.evaluation.nearest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from sslkeras.evaluation import nearest as module
from sslkeras.evaluation.nearest import nearest


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([0.0, 1e4]))
def test_neighbours_agree_with_scikit_learn(seed, k, away):
    generator = np.random.default_rng(seed)
    # Far from the origin too, where |q|^2 + |b|^2 - 2qb loses digits.
    bank = generator.normal(away, 1.0, (12, 3)).astype(np.float32)
    queries = generator.normal(away, 1.0, (5, 3)).astype(np.float32)
    reference = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(bank.astype(float))
    expected = reference.kneighbors(queries.astype(float))

    distances, indices = nearest(queries, bank, k)

    np.testing.assert_allclose(distances, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(indices, expected[1])


@pytest.mark.parametrize("k", [1, 2])
def test_of_equally_near_rows_the_first_is_taken(k):
    bank = np.array([[5.0], [1.0], [-1.0], [1.0]], np.float32)

    _, indices = nearest(np.array([[0.0]], np.float32), bank, k)

    assert indices[0].tolist() == [1, 2][:k]


def test_chunks_do_not_change_the_neighbours(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    distances, indices = nearest(rows, rows, 3)

    monkeypatch.setattr(module, "_CHUNK", 70)  # Three queries at a time.
    again = nearest(rows, rows, 3)

    np.testing.assert_allclose(again[0], distances, atol=1e-9)
    np.testing.assert_array_equal(again[1], indices)
