"""Tests of sslkeras_multiview.contrasts."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa
from sslkeras_multiview.contrasts import n_pairs, pairs_in_time, semihard_triplets, triplets

ANGLES = np.array([0, 0.5, 1.3, 2.0, 2.9, 4.1])
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
LABELS = np.array([0, 0, 1, 1, 2, 2])


def semihard(points, times, sequences, near, far, margin):
    points = tf.constant(points, tf.float32)
    times, sequences = tf.constant(times), tf.constant(sequences)
    positive, negative = pairs_in_time(times, sequences, times, sequences, near, far)
    positive &= ~tf.eye(len(times), dtype=tf.bool)
    return float(semihard_triplets(points, points, positive, negative, margin))


@pytest.mark.parametrize(("margin", "expected"), [(0.2, 0.01062151), (1.0, 0.40539972)])
def test_semihard_triplets_of_labels(margin, expected):
    loss = semihard(CIRCLE, LABELS, np.zeros(6, int), 0, 0, margin)

    np.testing.assert_allclose(loss, expected, atol=1e-6)
    addons = tfa.losses.triplet_semihard_loss(LABELS, CIRCLE, margin, distance_metric="squared-L2")
    np.testing.assert_allclose(loss, addons, atol=1e-6)


def test_semihard_triplets_agree_with_addons_on_random_points():
    random = np.random.default_rng(0)
    points = random.normal(size=(20, 5)).astype(np.float32)
    labels = random.integers(0, 6, 20)

    loss = semihard(points, labels, np.zeros(20, int), 0, 0, 0.7)

    addons = tfa.losses.triplet_semihard_loss(labels, points, 0.7, distance_metric="squared-L2")
    np.testing.assert_allclose(loss, addons, rtol=1e-5)


@pytest.mark.parametrize(("margin", "expected"), [(0.2, 0.6025), (1.0, 1.39)])
def test_semihard_triplets_of_one_view(margin, expected):
    points = [(0, 0), (1, 0), (1, 1.1), (0.5, 0), (0.9, 0.3)]

    loss = semihard(points, [0, 1, 2, 5, 9], np.zeros(5, int), 1, 2, margin)

    np.testing.assert_allclose(loss, expected, atol=1e-6)


def test_frames_of_other_sequences_are_negatives():
    points = [(0, 0), (1, 0), (0.7, 0.1), (0.2, 0.9)]

    loss = semihard(points, [0, 1, 0, 1], [0, 0, 1, 1], 1, 2, 0.2)

    np.testing.assert_allclose(loss, 0.235, atol=1e-6)


def test_equal_embeddings_cost_the_margin_and_no_pairs_cost_nothing():
    assert semihard(np.ones((6, 2)), LABELS, np.zeros(6, int), 0, 0, 0.3) == pytest.approx(0.3)
    assert semihard(CIRCLE, np.arange(6), np.zeros(6, int), 0, 0, 0.3) == 0
    assert semihard(CIRCLE, np.zeros(6, int), np.zeros(6, int), 0, 0, 0.3) == 0  # No negative.


def test_the_gradient_without_negatives_is_finite():
    points = tf.Variable(CIRCLE)
    everything = tf.ones([6, 6], tf.bool)
    with tf.GradientTape() as tape:
        loss = semihard_triplets(points, points, everything, ~everything, 0.2)

    np.testing.assert_array_equal(tf.convert_to_tensor(tape.gradient(loss, points)), 0)


def test_n_pairs():
    anchors = tf.constant([(1, 0), (0, 1), (0.5, 0.5)], tf.float32)
    positives = tf.constant([(0.9, 0.1), (0.2, 0.8), (1, 1)], tf.float32)

    def loss(regularization):
        return float(n_pairs(anchors, positives, positives, tf.range(3), regularization))

    np.testing.assert_allclose(loss(0.0), 0.91681846, atol=1e-6)
    np.testing.assert_allclose(loss(0.002) - loss(0.0), 0.001, atol=1e-6)
    addons = tfa.losses.npairs_loss(tf.range(3), tf.matmul(anchors, positives, transpose_b=True))
    np.testing.assert_allclose(loss(0.0), addons, atol=1e-6)


def test_n_pairs_of_equal_embeddings_is_the_logarithm_of_their_number():
    ones = tf.ones([7, 3])

    np.testing.assert_allclose(n_pairs(ones, ones, ones, tf.range(7), 0.0), np.log(7), rtol=1e-6)


def test_plain_triplets():
    a, p, n = (tf.constant([point], tf.float32) for point in ((1, 0), (0.8, 0.6), (0, 1)))

    np.testing.assert_allclose(triplets(a, p, n, 0.2), 0, atol=1e-6)
    np.testing.assert_allclose(triplets(a, n, p, 0.2), 1.8, atol=1e-6)


def test_turning_and_reordering_change_nothing():
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.normal(size=(2, 2)))[0]
    order = random.permutation(6)
    expected = semihard(CIRCLE, LABELS, np.zeros(6, int), 0, 0, 0.5)

    assert semihard(CIRCLE @ turn, LABELS, np.zeros(6, int), 0, 0, 0.5) == pytest.approx(expected)
    assert semihard(CIRCLE[order], LABELS[order], np.zeros(6, int), 0, 0, 0.5) == pytest.approx(
        expected
    )
