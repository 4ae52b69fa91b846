"""Tests of sslkeras_verification.activation_map."""

import keras
import numpy as np
import tensorflow as tf
from sslkeras_verification.activation_map import ActivationHead, GradientHead, class_activation

MAPS = np.array([[[0, 1], [2, 3]], [[4, 5], [6, 7]]], np.float32)[np.newaxis]


def test_the_map_of_a_linear_classifier():
    evidence = class_activation(tf.constant(MAPS), tf.constant([0.5, -1.0]), 0.25)

    np.testing.assert_allclose(evidence[0], [[-0.75, -1.75], [-2.75, -3.75]])


def test_the_mean_of_the_map_is_the_logit():
    head = ActivationHead()
    head.build(MAPS.shape)
    head.set_weights([np.array([[0.5], [-1.0]]), np.array(0.25)])

    logit, evidence = head(tf.constant(MAPS))

    np.testing.assert_allclose(logit, [[-2.25]])
    np.testing.assert_allclose(tf.reduce_mean(evidence, axis=(1, 2)), [-2.25])


def test_grad_cam_weighs_maps_by_their_mean_gradient():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(3, 4, 5, 2)).astype(np.float32)
    head = GradientHead(6)
    head.build(maps.shape)
    head.set_weights([rng.normal(size=weight.shape) for weight in head.get_weights()])
    first, bias, last, offset = (weight.astype(np.float64) for weight in head.get_weights())

    logit, evidence = head(tf.constant(maps))

    hidden = maps.mean((1, 2)) @ first + bias
    np.testing.assert_allclose(logit, np.maximum(hidden, 0) @ last + offset, rtol=1e-5)
    # d logit / d F is the same at each of the 4 x 5 places.
    slopes = ((hidden > 0) * last[:, 0]) @ first.T / 20
    expected = np.maximum(np.einsum("byxc,bc->byx", maps, slopes), 0)
    np.testing.assert_allclose(evidence, expected, rtol=1e-4, atol=1e-6)


def test_both_heads_give_a_logit_and_a_map_and_survive_saving(tmp_path):
    for head in (ActivationHead(name="answer"), GradientHead(3, name="answer")):
        maps = keras.Input((4, 5, 2))
        model = keras.Model(maps, head(maps))
        images = np.random.default_rng(1).normal(size=(2, 4, 5, 2)).astype(np.float32)

        model.save(tmp_path / "head.keras")
        loaded = keras.models.load_model(tmp_path / "head.keras")

        assert [output.shape for output in model(images)] == [(2, 1), (2, 4, 5)]
        for one, other in zip(loaded(images), model(images), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
