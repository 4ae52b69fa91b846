"""Tests of sslkeras_word_prediction.subsampling."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.subsampling import keep_probability


@pytest.mark.parametrize(
    "share, paper, code, code_of_larger_threshold",
    [
        (0.05, 0.0141421, 0.0143421, 0.1614214),
        (0.01, 0.0316228, 0.0326228, 0.4162278),
        (0.001, 0.1, 0.11, 1.0),
        (2e-5, 0.7071068, 1.0, 1.0),
    ],
)
def test_both_formulas(share, paper, code, code_of_larger_threshold):
    share = tf.constant(share)

    np.testing.assert_allclose(keep_probability(share, 1e-5, "paper"), paper, rtol=1e-5)
    np.testing.assert_allclose(keep_probability(share, 1e-5, "c_code"), code, rtol=1e-5)
    np.testing.assert_allclose(
        keep_probability(share, 1e-3, "c_code"), code_of_larger_threshold, rtol=1e-5
    )


def test_the_code_keeps_all_words_up_to_2618_thresholds():
    shares = tf.constant([2.617e-5, 2.620e-5])

    kept = keep_probability(shares, 1e-5, "c_code").numpy()

    assert kept[0] == 1.0 and kept[1] < 1.0


def test_a_word_that_never_occurred_is_kept():
    assert float(keep_probability(tf.constant(0.0), 1e-5, "paper")) == 1.0
