"""Tests of sslkeras.training.lars."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.training.lars import LARS

WEIGHT = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
BIAS = np.array([0.25, -1.0], np.float32)
GRADIENTS = [
    (np.array([[0.3, -0.1], [0.2, 0.4]]), np.array([0.1, -0.2])),
    (np.array([[-0.5, 0.2], [0.1, 0.0]]), np.array([0.3, 0.4])),
    (np.array([[0.0, 0.7], [-0.6, 0.1]]), np.array([-0.5, 0.6])),
]


def algorithm_1(rate, momentum, eta, decay, nesterov=False):
    """Weight and bias after the three gradients, by the formulas of the paper in float64."""
    w, b = WEIGHT.astype(float), BIAS.astype(float)
    v, u = np.zeros_like(w), np.zeros_like(b)
    for g, h in GRADIENTS:
        trust = (
            eta * np.sqrt((w**2).sum()) / (np.sqrt((g**2).sum()) + decay * np.sqrt((w**2).sum()))
        )
        step = rate * trust * (g + decay * w)
        v = momentum * v + step
        u = momentum * u + rate * h
        w = w - (momentum * v + step if nesterov else v)
        b = b - (momentum * u + rate * h if nesterov else u)
    return w, b


def apply_all(optimizer):
    w, b = tf.Variable(WEIGHT), tf.Variable(BIAS)
    for g, h in GRADIENTS:
        gradients = tf.constant(g, tf.float32), tf.constant(h, tf.float32)
        optimizer.apply_gradients(zip(gradients, (w, b), strict=True))
    return w.numpy(), b.numpy()


@pytest.mark.parametrize("nesterov", [False, True])
def test_three_steps_are_algorithm_1_and_vectors_are_spared(nesterov):
    optimizer = LARS(0.5, momentum=0.8, trust_coefficient=0.02, weight_decay=0.1, nesterov=nesterov)

    w, b = apply_all(optimizer)

    expected_w, expected_b = algorithm_1(0.5, 0.8, 0.02, 0.1, nesterov)
    np.testing.assert_allclose(w, expected_w, rtol=1e-5)
    np.testing.assert_allclose(b, expected_b, rtol=1e-5)


def test_a_zero_norm_leaves_the_rate_alone():
    zero, still = tf.Variable([[0.0, 0.0]]), tf.Variable([[3.0, 4.0]])
    optimizer = LARS(0.1, weight_decay=0.5)

    optimizer.apply_gradients([(tf.constant([[1.0, 2.0]]), zero), (tf.zeros([1, 2]), still)])

    # trust = 1: -0.1 * [1, 2], and w - 0.1 * 0.5 * w.
    np.testing.assert_allclose(zero, [[-0.1, -0.2]], rtol=1e-6)
    np.testing.assert_allclose(still, [[2.85, 3.8]], rtol=1e-6)


def test_float16_weights_with_large_norms_stay_finite():
    # The square of 300 is above the greatest float16, 65504.
    w = tf.Variable(tf.fill([2, 2], tf.constant(300.0, tf.float16)))

    LARS(1.0).apply_gradients([(tf.fill([2, 2], tf.constant(300.0, tf.float16)), w)])

    # trust = 0.001, so the step is 0.3; float16 has steps of 0.25 here.
    np.testing.assert_allclose(w, np.full([2, 2], 299.75), atol=0.01)


def test_a_sparse_gradient_moves_like_the_dense_one():
    dense, sparse = tf.Variable(WEIGHT), tf.Variable(WEIGHT)
    slices = tf.IndexedSlices(tf.constant([[0.5, 0.5], [1.0, 0.0]]), tf.constant([1, 1]), [2, 2])

    LARS(1.0, weight_decay=0.1).apply_gradients([(tf.constant([[0.0, 0.0], [1.5, 0.5]]), dense)])
    LARS(1.0, weight_decay=0.1).apply_gradients([(slices, sparse)])

    np.testing.assert_allclose(sparse, dense, rtol=1e-6)
    assert not np.allclose(sparse, WEIGHT)


def test_it_survives_serialisation_with_its_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.5, 10)
    optimizer = LARS(schedule, 0.7, 0.01, 0.2, True, clipnorm=3.0)

    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))

    assert type(copy) is LARS
    assert copy.get_config() == optimizer.get_config()
    assert copy.get_config()["weight_decay"] == 0.2
    for moved, expected in zip(apply_all(copy), apply_all(optimizer), strict=True):
        np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize(
    "wrong",
    [{"momentum": 1.0}, {"trust_coefficient": 0.0}, {"weight_decay": -0.1}, {"nesterov": 1}],
)
def test_values_outside_their_range_are_refused(wrong):
    (name,) = wrong

    with pytest.raises(ConfigurationError, match=f"`{name}` of LARS must be"):
        LARS(**wrong)
