"""Tests of sslkeras.losses.reconstruction."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.losses.reconstruction import SummedBinaryCrossentropy, SummedSquaredError

PIXELS = tf.constant([[0, 1, 0.5, 0.25], [1, 1, 0, 0]])
LOGITS = tf.constant([[0, 2, -1, 0.5], [3, -1, -2, 0.0]])

# One example of four components, of which the first and the last were corrupted.
CLEAN = tf.constant([[0.2, 0.8, 1, 0]])
RESTORED = tf.constant([[0.3, 0.7, 0.9, 0.2]])
MARKED = tf.concat([CLEAN, [[1.0, 0, 0, 1]]], axis=-1)


def _logit(p):
    return tf.math.log(p) - tf.math.log(1 - p)


def test_cross_entropy_is_summed_over_pixels_and_averaged_over_examples():
    loss = SummedBinaryCrossentropy()

    each = loss.call(PIXELS, LOGITS)

    z = 1 / (1 + np.exp(-LOGITS.numpy()))
    x = PIXELS.numpy()
    reference = -(x * np.log(z) + (1 - x) * np.log(1 - z)).sum(axis=1)
    np.testing.assert_allclose(each, reference, rtol=1e-5)
    np.testing.assert_allclose(each, [2.4824138633, 2.1819242307], rtol=1e-6)
    np.testing.assert_allclose(loss(PIXELS, LOGITS), 2.3321690470, rtol=1e-6)


def test_gradient_of_cross_entropy_is_sigmoid_minus_pixel():
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        loss = SummedBinaryCrossentropy()(PIXELS, LOGITS)

    # The mean over two examples halves sigmoid(a) - x.
    expected = [0.25, -0.0596014610, -0.1155292893, 0.1862296656]
    np.testing.assert_allclose(tape.gradient(loss, LOGITS)[0], expected, rtol=1e-5)


def test_cross_entropy_is_finite_for_logits_far_out():
    # -log sigmoid(-200) = 200, and the right answers cost nothing.
    each = SummedBinaryCrossentropy().call(tf.constant([[1.0, 0.0]]), tf.constant([[-200.0, -200]]))

    np.testing.assert_allclose(each, [200.0])


def test_least_cross_entropy_is_the_entropy_of_the_pixels():
    # 0 and 1 need infinite logits; 30 is as good in float32.
    best = tf.constant([[-30.0, 30, 0, np.log(1 / 3)]])

    each = SummedBinaryCrossentropy().call(PIXELS[:1], best)

    np.testing.assert_allclose(each, [1.2554823252], rtol=1e-6)


def test_squared_error_is_summed_over_pixels():
    each = SummedSquaredError().call(PIXELS, tf.sigmoid(LOGITS))

    np.testing.assert_allclose(each, [0.4563233568, 0.8009051955], rtol=1e-6)
    batch = SummedSquaredError()(PIXELS, tf.sigmoid(LOGITS))
    np.testing.assert_allclose(batch, 0.6286142761, rtol=1e-6)


@pytest.mark.parametrize(
    ("weights", "cross_entropy", "squared_error"),
    [
        ({}, 1.3807730990, 0.07),
        ({"alpha": 1, "beta": 0.5}, 1.0650255832, 0.06),
        ({"alpha": 1, "beta": 0}, 0.7492780673, 0.05),
    ],
)
def test_emphasis_weighs_corrupted_components(weights, cross_entropy, squared_error):
    targets = MARKED if weights else CLEAN

    bce = SummedBinaryCrossentropy(**weights).call(targets, _logit(RESTORED))
    sse = SummedSquaredError(**weights).call(targets, RESTORED)

    np.testing.assert_allclose(bce, [cross_entropy], rtol=1e-5)
    np.testing.assert_allclose(sse, [squared_error], rtol=1e-5)


@pytest.mark.parametrize("loss", [SummedBinaryCrossentropy(), SummedSquaredError()])
def test_order_of_examples_and_of_pixels_does_not_matter(loss):
    value = loss(PIXELS, LOGITS)

    swapped = loss(PIXELS[::-1], LOGITS[::-1])
    permuted = loss(
        tf.gather(PIXELS, [2, 0, 3, 1], axis=1), tf.gather(LOGITS, [2, 0, 3, 1], axis=1)
    )

    np.testing.assert_allclose([swapped, permuted], [value, value], rtol=1e-6)


def test_half_precision_outputs_are_summed_in_float32():
    # 70,000 is beyond the greatest float16.
    each = SummedSquaredError().call(tf.ones([1, 70_000]), tf.zeros([1, 70_000], tf.float16))

    assert each.dtype == tf.float32
    np.testing.assert_allclose(each, [70_000.0])


def test_a_linear_autoencoder_comes_down_to_the_residual_of_pca():
    # Variances 4, 1 and 1/4 over 6 points: leaving out the last two axes costs
    # (2 * 1 + 2 * 1/4) / 6 = 0.41667 an example.
    points = np.concatenate([d * np.eye(3) for d in (1, -1)]) * [2, 1, 0.5]
    points = points.astype("float32")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), SummedSquaredError())

    losses = model.fit(points, points, batch_size=6, epochs=150, verbose=0).history["loss"]

    assert min(losses) > 0.4166
    assert losses[-1] < 0.42


def test_config_round_trip():
    loss = SummedSquaredError(alpha=2, beta=0.5, reduction="sum", name="emphasised")

    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))

    assert isinstance(again, SummedSquaredError)
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("weights", [{"alpha": -1}, {"beta": -0.1}, {"alpha": 0, "beta": 0}])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(ConfigurationError, match="not both 0"):
        SummedSquaredError(**weights)


def test_targets_without_the_marks_of_corruption_are_refused():
    with pytest.raises(ConfigurationError, match="2 times"):
        SummedSquaredError(beta=0.5).call(CLEAN, RESTORED)
