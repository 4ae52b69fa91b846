"""Tests of sslkeras_word_prediction.noise."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import chisquare
from sslkeras_word_prediction.noise import (
    cumulative,
    noise_distribution,
    own_uniform,
    shared_uniform,
    words_at,
)

from sslkeras.errors import DataError

COUNTS = [1, 16, 81, 256]


def test_counts_to_the_power_of_three_quarters():
    noise = noise_distribution(COUNTS, 0.75)

    np.testing.assert_allclose(noise, [0.01, 0.08, 0.27, 0.64], rtol=1e-12)


def test_words_that_do_not_occur_are_never_drawn_whatever_the_exponent():
    upto = cumulative(noise_distribution([0, 3, 0, 5, 0], 0.0))

    drawn = words_at(tf.constant([0.0, 0.49, 0.5, 1 - 2.0**-53], tf.float64), upto)

    assert list(drawn.numpy()) == [1, 1, 3, 3]


@pytest.mark.parametrize("counts", [[1, -1, 2], [0, 5, 0], [0, 0]])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(DataError, match="two or more words must occur"):
        noise_distribution(counts, 0.75)


@pytest.mark.parametrize("shared", [True, False])
def test_draws_have_the_distribution_of_the_noise(shared):
    noise = noise_distribution(COUNTS, 0.75)
    if shared:
        uniform = shared_uniform(tf.constant(7), 20_000)
    else:
        uniform = own_uniform(tf.cast(tf.range(5_000), tf.uint64), 4)

    drawn = words_at(uniform, cumulative(noise)).numpy().ravel()

    assert chisquare(np.bincount(drawn, minlength=4), 20_000 * noise).pvalue > 0.001


def test_own_draws_are_below_one_and_differ_between_keys_and_draws():
    uniform = own_uniform(tf.constant([0, 1, 2**64 - 1], tf.uint64), 100).numpy()

    assert uniform.min() >= 0 and uniform.max() < 1
    assert len(np.unique(uniform)) == 300


def test_a_large_vocabulary_of_rare_words_is_drawn_to_its_end():
    upto = cumulative(noise_distribution(np.arange(1_000_000, 0, -1), 0.75))

    last = words_at(tf.constant([1 - 2.0**-53], tf.float64), upto)

    assert int(last[0]) > 999_000 and upto[-1] == 1.0
