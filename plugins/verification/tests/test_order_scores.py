"""Tests of sslkeras_verification.order_scores."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from sslkeras_verification.order_scores import BalancedAccuracy, OrderAUC


def test_auc_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 400)
    logits = random.normal(size=(400, 2)).astype(np.float32)
    logits[:, 1] += label
    metric = OrderAUC(name="auc")

    for part in np.split(np.arange(400), 4):
        metric.update_state(label[part], logits[part])

    expected = sklearn.metrics.roc_auc_score(label, logits[:, 1] - logits[:, 0])
    assert float(metric.result()) == pytest.approx(expected, abs=0.01)


def test_balanced_accuracy_moves_the_threshold_by_the_prior():
    # With a quarter of ones the threshold is ln(1/3) = -1.0986.
    logits = tf.constant([[0.0, -1.0], [0.0, -1.2], [0.0, -1.2], [0.0, -1.0], [0.0, -2.0]])
    metric = BalancedAccuracy(0.25)

    metric.update_state([1, 1, 0, 0, 0], logits)

    assert float(metric.result()) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_who_knows_only_the_prior_is_at_chance():
    metric = BalancedAccuracy(0.25)

    metric.update_state([1, 0, 0, 0], tf.repeat(tf.math.log([[0.75, 0.25]]), 4, axis=0) - 1e-6)

    assert float(metric.result()) == pytest.approx(0.5)


def test_examples_of_weight_0_do_not_count_and_reset_forgets():
    metric = BalancedAccuracy(0.5)
    logits = tf.constant([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])

    metric.update_state([1, 0, 0], logits, sample_weight=[1.0, 0.0, 1.0])
    assert float(metric.result()) == pytest.approx(1.0)

    metric.reset_state()
    metric.update_state([1, 0], logits[1:])
    assert float(metric.result()) == pytest.approx(1.0)
    assert BalancedAccuracy.from_config(metric.get_config()).positive_share == 0.5
