"""Tests of sslkeras_word_prediction.softplus."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.softplus import softplus_sums, weighted_softplus

RANDOM = np.random.default_rng(0)


def value_and_slopes(loss_of, scores):
    scores = tf.constant(scores, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = loss_of(scores)
    return loss.numpy(), tape.gradient(loss, scores).numpy()


def expected(scores, weights):
    scores = np.asarray(scores, np.float64)
    values = np.logaddexp(0.0, scores)
    return np.where(weights, weights * values, 0.0), weights / (1.0 + np.exp(-scores))


# More terms than have a product in float32, and all of them at 1/2 in the second case.
@pytest.mark.parametrize(
    "scores", [RANDOM.normal(scale=4, size=(3, 5, 300)), np.zeros((2, 400)), [[-80.0, 80.0, -80.0]]]
)
def test_sums_of_what_counts(scores):
    counts = np.random.default_rng(1).random(np.shape(scores)) < 0.7
    values, slopes = expected(scores, counts)

    sums, found = value_and_slopes(lambda x: softplus_sums(x, counts), scores)

    np.testing.assert_allclose(sums, values.sum(axis=-1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, slopes, rtol=1e-5, atol=1e-30)


def test_the_gradient_of_each_sum_is_multiplied_by_what_comes_from_above():
    scores = RANDOM.normal(size=(2, 3))
    every = np.ones((2, 3), bool)
    above = np.array([2.0, -0.5])
    _, slopes = expected(scores, every)

    _, found = value_and_slopes(
        lambda x: tf.reduce_sum(tf.constant(above, tf.float32) * softplus_sums(x, every)), scores
    )

    np.testing.assert_allclose(found, above[:, np.newaxis] * slopes, rtol=1e-5)


def test_a_weighted_sum():
    scores = np.append(RANDOM.normal(scale=4, size=20), [-80.0, 80.0])
    weights = np.arange(22.0)
    values, slopes = expected(scores, weights)

    total, found = value_and_slopes(
        lambda x: 3.0 * weighted_softplus(x, tf.constant(weights, tf.float32)), scores
    )

    np.testing.assert_allclose(total, 3 * values.sum(), rtol=1e-5)
    np.testing.assert_allclose(found, 3 * slopes, rtol=1e-5, atol=1e-30)
