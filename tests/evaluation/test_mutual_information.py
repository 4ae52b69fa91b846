"""Tests of sslkeras.evaluation.mutual_information."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from sslkeras.evaluation.mutual_information import (
    binned,
    entropy,
    mutual_information,
    mutual_information_gap,
)

# All four combinations of two bits, five times.
FACTORS = np.array(list(itertools.product([0, 1], [0, 1])) * 5)


def test_codes_that_are_the_factors_have_a_gap_of_one():
    information = np.stack([mutual_information(binned(FACTORS), one) for one in FACTORS.T])

    np.testing.assert_allclose(information, np.diag([0.69314718] * 2), atol=1e-8)
    entropies = [entropy(one) for one in FACTORS.T]
    assert mutual_information_gap(information, entropies) == pytest.approx(1.0)


def test_two_codes_of_one_factor_have_no_gap():
    codes = binned(FACTORS[:, [0, 0]])

    information = np.stack([mutual_information(codes, FACTORS[:, 0])])

    assert mutual_information_gap(information, [np.log(2)]) == pytest.approx(0.0)


def test_bins_have_equal_width():
    values = np.array([[0.0], [0.049], [0.051], [0.5], [1.0]])

    assert binned(values)[:, 0].tolist() == [0, 0, 1, 10, 19]
    assert binned(np.full((3, 1), 7.0))[:, 0].tolist() == [0, 0, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_information_agrees_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    codes, factor = generator.integers(0, 4, (15, 3)), generator.integers(0, 3, 15)

    found = mutual_information(codes, factor)

    expected = [mutual_info_score(factor, column) for column in codes.T]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert entropy(factor) == pytest.approx(mutual_info_score(factor, factor))
