"""Tests of sslkeras_contrastive.infonce."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_contrastive.infonce import infonce, instance_logits, positive_is_among

QUERIES = tf.math.l2_normalize([[3.0, 4.0], [0.0, 2.0]], axis=1)
KEYS = tf.math.l2_normalize([[4.0, 3.0], [1.0, 1.0]], axis=1)
QUEUE = tf.constant([[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]])
# With q = (0.6, 0.8), (0, 1) and k = (0.8, 0.6), (1, 1) / sqrt 2, for example at tau = 0.2 and
# row 0: (0.96, 0.6, 0.8, 0.28) / 0.2, and -4.8 + log(e^4.8 + e^3 + e^4 + e^1.4) = 0.49956311.
ORACLES = {
    0.07: (
        [[13.71428571, 8.57142857, 11.42857143, 4.0], [10.10152545, 0, 14.28571429, 11.42857143]],
        [0.10219803, 4.25433766],
    ),
    0.2: ([[4.8, 3.0, 4.0, 1.4], [3.53553391, 0, 5.0, 4.0]], [0.49956311, 1.93809987]),
    1.0: ([[0.96, 0.6, 0.8, 0.28], [0.70710678, 0, 1.0, 0.8]], [1.11724989, 1.36882081]),
}


@pytest.mark.parametrize("temperature", ORACLES)
def test_logits_and_losses_are_those_worked_out_by_hand(temperature):
    expected_logits, expected_losses = ORACLES[temperature]

    logits = instance_logits(QUERIES, KEYS, QUEUE, temperature)

    np.testing.assert_allclose(logits, expected_logits, atol=2e-5)
    np.testing.assert_allclose(infonce(logits), expected_losses, atol=1e-5)
    np.testing.assert_array_equal(positive_is_among(logits, 1), [1.0, 0.0])


def test_the_loss_is_the_cross_entropy_of_the_first_class():
    logits = tf.random.stateless_uniform([5, 9], [0, 1], -4.0, 4.0)

    expected = tf.nn.sparse_softmax_cross_entropy_with_logits([0] * 5, logits)

    np.testing.assert_allclose(infonce(logits), expected, rtol=1e-5)


@pytest.mark.parametrize(("count", "loss"), [(3, 1.38629436), (65536, 11.09037015)])
def test_equal_vectors_cost_the_logarithm_of_the_number_of_keys(count, loss):
    same = tf.constant([[0.6, 0.8]])

    logits = instance_logits(same, same, tf.repeat(same, count, axis=0), 0.07)

    np.testing.assert_allclose(infonce(logits), [loss], rtol=1e-6)


def test_the_order_of_the_negatives_does_not_matter():
    turned = tf.gather(QUEUE, [2, 0, 1])

    first, second = (infonce(instance_logits(QUERIES, KEYS, rows, 0.2)) for rows in (QUEUE, turned))

    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_rank_counts_ties_against_the_positive():
    logits = tf.constant([[2.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])

    np.testing.assert_array_equal(positive_is_among(logits, 1), [1, 0, 0, 0])
    np.testing.assert_array_equal(positive_is_among(logits, 2), [1, 1, 0, 0])
    np.testing.assert_array_equal(positive_is_among(logits, 3), [1, 1, 1, 1])
