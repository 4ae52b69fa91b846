"""Tests of sslkeras.evaluation.labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.errors import DataError
from sslkeras.evaluation.labels import describe, subset

targets = st.lists(st.integers(0, 4), min_size=5, max_size=80).map(np.array)


@settings(max_examples=60, deadline=None)
@given(targets, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.integers(0, 5))
def test_a_smaller_subset_is_inside_a_larger_one(labels, one, other, seed):
    small, large = sorted((one, other))

    assert set(subset(labels, small, seed)) <= set(subset(labels, large, seed))


@settings(max_examples=60, deadline=None)
@given(targets, st.floats(0.01, 1.0), st.integers(0, 5))
def test_each_class_keeps_an_example_and_its_share(labels, fraction, seed):
    chosen = labels[subset(labels, fraction, seed)]

    for one in np.unique(labels):
        kept = (chosen == one).sum()
        assert kept >= 1
        # Classes that are rounded up to one example take room from the others.
        wanted = fraction * (labels == one).sum()
        assert abs(kept - wanted) <= 1.0 + len(np.unique(labels))


def test_shares_are_exact_where_they_come_out_even():
    labels = np.repeat([0, 1], [100, 300])

    chosen = labels[subset(labels, 0.1, seed=3)]

    assert np.bincount(chosen).tolist() == [10, 30]


def test_a_count_is_kept_exactly():
    assert len(subset(np.arange(100) % 7, 30, seed=0)) == 30


def test_seeds_draw_different_subsets():
    labels = np.arange(100) % 4

    assert subset(labels, 20, 0).tolist() == subset(labels, 20, 0).tolist()
    assert subset(labels, 20, 0).tolist() != subset(labels, 20, 1).tolist()


def test_real_numbers_are_drawn_without_strata():
    assert len(subset(np.linspace(0, 1, 50), 0.1, seed=0)) == 5


@pytest.mark.parametrize("count", [2, 101])
def test_impossible_counts_are_refused(count):
    with pytest.raises(DataError, match=rf"at least one a class \(3\).*\(100\).*labels={count}"):
        subset(np.arange(100) % 3, count, seed=0)


def test_descriptions():
    amounts = (None, 0.015, 1.0, 30)

    assert [describe(amount) for amount in amounts] == [
        "all labels",
        "1.5% of labels",
        "all labels",
        "30 labels",
    ]
