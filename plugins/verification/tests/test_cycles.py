"""Tests of sslkeras_verification.cycles."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.cycles import all_pairs, along, return_loss, similarity

E0 = [[0.0, 0.0], [0.5, 0.2], [1.0, 0.6]]
E1 = [[0.1, 0.0], [0.4, 0.4], [0.9, 0.7]]
PAIR = np.array([[E0, E1]], np.float32)
STEPS = np.array([[[0, 4, 9], [1, 3, 6]]], np.float32)
TIME = STEPS / np.array([[[10], [8]]], np.float32)
SETTINGS = {"label_smoothing": 0.1, "variance_lambda": 0.001, "huber_delta": 0.1}


def mean_loss(embeddings, time, kind, similarity="l2", temperature=0.1, **settings):
    logits = all_pairs(tf.constant(embeddings), similarity, temperature)
    shape = logits.shape
    start = tf.broadcast_to(tf.range(shape[-1]), shape[:-1])
    times = tf.broadcast_to(time[:, :, np.newaxis, np.newaxis], shape)
    return float(tf.reduce_mean(return_loss(logits, start, times, kind, **SETTINGS | settings)))


@pytest.mark.parametrize(
    ("kind", "l2", "cosine"),
    [
        ("classification", 0.52286367, 2.30583951),
        ("regression_mse", 0.00827104, 0.22154283),
        ("regression_mse_var", 0.25996185, 10.45341945),
        ("regression_huber", 0.00391924, 0.03346997),
    ],
)
def test_losses_of_a_pair(kind, l2, cosine):
    assert mean_loss(PAIR, TIME, kind) == pytest.approx(l2, rel=2e-5)
    assert mean_loss(PAIR, TIME, kind, "cosine") == pytest.approx(cosine, rel=2e-5)


def test_losses_without_smoothing_in_frames_and_at_another_temperature():
    plain = mean_loss(PAIR, TIME, "classification", label_smoothing=0.0)
    assert plain == pytest.approx(0.35428912, rel=1e-5)
    assert mean_loss(PAIR, STEPS, "regression_mse") == pytest.approx(0.74855545, rel=1e-5)
    assert mean_loss(PAIR, STEPS, "regression_mse_var") == pytest.approx(0.26434388, rel=1e-4)
    warm = mean_loss(PAIR, TIME, "regression_mse_var", temperature=1.0)
    assert warm == pytest.approx(0.97472428, rel=2e-5)


def test_the_way_there_and_back():
    start, there = (tf.constant(video) for video in (E0, E1))

    reached = tf.matmul(tf.nn.softmax(similarity(start, there, "l2", 0.1)), there)

    np.testing.assert_allclose(
        reached,
        [[0.15349916, 0.07085478], [0.36393615, 0.31490511], [0.83291656, 0.65914251]],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        all_pairs(tf.constant(PAIR), "l2", 0.1)[0, 0, 0],
        [
            [-0.14291197, -0.68370658, -4.98279163],
            [-1.15807376, -0.15858278, -2.42928158],
            [-5.64109417, -1.60822637, -0.15707357],
        ],
        rtol=1e-5,
    )


def test_collapsed_and_perfect_embeddings():
    time = np.arange(4, dtype=np.float32)[np.newaxis, np.newaxis] / 4
    time = np.repeat(time, 2, axis=1)
    collapsed = np.ones((1, 2, 4, 3), np.float32)
    for smoothing in (0.0, 0.1):
        value = mean_loss(collapsed, time, "classification", label_smoothing=smoothing)
        assert value == pytest.approx(1.38629436)
    assert mean_loss(collapsed, time, "regression_mse") == pytest.approx(0.078125)
    spread = mean_loss(collapsed, time, "regression_mse_var")
    assert spread == pytest.approx(0.99745055, rel=1e-5)

    line = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1) * np.ones((1, 2, 1, 1), np.float32)
    assert mean_loss(line, time, "regression_mse") < 1e-7
    certain = mean_loss(line, time, "classification", temperature=0.05, label_smoothing=0.0)
    assert certain < 1e-4


def test_what_changes_nothing():
    random = np.random.default_rng(0)
    videos = random.normal(size=(1, 3, 5, 4)).astype(np.float32)
    time = np.sort(random.random((1, 3, 5)).astype(np.float32))
    expected = mean_loss(videos, time, "regression_mse_var")

    def same(embeddings, times=time, **arguments):
        value = mean_loss(embeddings, times, "regression_mse_var", **arguments)
        return value == pytest.approx(expected, rel=1e-4)

    assert same(videos + random.normal(size=4).astype(np.float32))
    assert same(videos[:, [2, 0, 1]], time[:, [2, 0, 1]])
    order = [3, 0, 4, 1, 2]
    mixed, times = videos.copy(), time.copy()
    mixed[:, 1], times[:, 1] = videos[:, 1, order], time[:, 1, order]
    assert same(mixed, times)
    assert same(3 * videos, temperature=0.9)


def test_no_video_is_compared_with_itself():
    videos = np.random.default_rng(0).normal(size=(1, 2, 5, 4)).astype(np.float32)
    videos[:, 1] = 0.0

    # All return alike from a video in which nothing changes.
    logits = all_pairs(tf.constant(videos), "l2", 0.1).numpy()[0, 0, 0]

    np.testing.assert_allclose(logits, np.repeat(logits[:1], 5, axis=0), atol=1e-5)


def test_a_drawn_cycle_of_two_is_that_of_the_pair():
    pairs = all_pairs(tf.constant(PAIR), "l2", 0.1)

    cycles = tf.constant([[[0, 1], [1, 0]]])
    logits = along(tf.constant(PAIR), cycles, tf.constant([[2, 1]]), "l2", 0.1)

    np.testing.assert_allclose(logits[0, 0], pairs[0, 0, 0, 2], rtol=1e-5)
    np.testing.assert_allclose(logits[0, 1], pairs[0, 1, 0, 1], rtol=1e-5)


def test_a_cycle_of_three_passes_all_of_them():
    videos = np.random.default_rng(2).normal(size=(1, 3, 4, 2)).astype(np.float32)
    place = videos[0, 2, 1][np.newaxis]
    for there in (videos[0, 0], videos[0, 1]):
        place = tf.matmul(tf.nn.softmax(similarity(tf.constant(place), there, "l2", 0.5)), there)

    logits = along(tf.constant(videos), tf.constant([[[2, 0, 1]]]), tf.constant([[1]]), "l2", 0.5)

    np.testing.assert_allclose(
        logits[0, 0], similarity(place, tf.constant(videos[0, 2]), "l2", 0.5)[0], rtol=1e-5
    )


@pytest.mark.parametrize(
    "kind", ["classification", "regression_mse", "regression_mse_var", "regression_huber"]
)
def test_certain_returns_have_finite_gradients(kind):
    embeddings = tf.Variable(
        100 * np.random.default_rng(0).normal(size=(1, 2, 4, 3)), trainable=True
    )
    embeddings = tf.Variable(tf.cast(embeddings, tf.float32))
    time = tf.zeros([1, 2, 1, 4, 4]) + tf.range(4.0)
    with tf.GradientTape() as tape:
        logits = all_pairs(embeddings, "l2", 0.01)
        start = tf.broadcast_to(tf.range(4), logits.shape[:-1])
        loss = tf.reduce_mean(return_loss(logits, start, time, kind, **SETTINGS))

    assert np.isfinite(loss)
    assert np.isfinite(tf.convert_to_tensor(tape.gradient(loss, embeddings))).all()
