"""Tests of sslkeras.evaluation.chi_square."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import chi2_kernel

from sslkeras.evaluation.chi_square import ChiSquareKernel, chi_square

HISTOGRAMS = np.array([[0.5, 0.5, 0], [0.25, 0.25, 0.5], [0, 0, 1]])


def test_distances_and_kernel_have_the_worked_values():
    # 2 * .0625 / 1.5 + .25 / 1 = 1/3; halves of whole bins add up to 1.
    distances = chi_square(HISTOGRAMS, HISTOGRAMS)
    np.testing.assert_allclose(distances[[0, 0, 1], [1, 2, 2]], [1 / 3, 1, 1 / 3])
    np.testing.assert_allclose(np.diag(distances), 0)

    kernel = ChiSquareKernel(HISTOGRAMS)

    assert kernel.scale == pytest.approx(0.5555555556)
    expected = [0.74081822, 0.40656966, 0.74081822]
    np.testing.assert_allclose(kernel.train[[0, 0, 1], [1, 2, 2]], expected, atol=1e-8)
    np.testing.assert_allclose(kernel(HISTOGRAMS[:1]), kernel.train[:1])


def test_equal_histograms_have_a_kernel_of_ones():
    np.testing.assert_array_equal(ChiSquareKernel(HISTOGRAMS[[0, 0]]).train, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_kernel_agrees_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    train, test = generator.dirichlet(np.ones(4), 6), generator.dirichlet(np.ones(4), 3)
    by_hand = [[((a - b) ** 2 / (2 * (a + b))).sum() for b in train] for a in test]
    kernel = ChiSquareKernel(train)

    np.testing.assert_allclose(chi_square(test, train), by_hand)
    # Theirs is exp(-gamma sum (a - b)^2 / (a + b)).
    np.testing.assert_allclose(kernel(test), chi2_kernel(test, train, 1 / (4 * kernel.scale)))
