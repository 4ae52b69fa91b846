"""Tests of sslkeras_verification.flow_colors."""

import numpy as np
import tensorflow as tf
from sslkeras_verification.flow_colors import evidence_colors, flow_colors


def test_the_direction_is_the_hue_and_the_length_the_brightness():
    # Right, left, half as far to the right, not at all.
    field = np.array([[[2, 0], [-2, 0], [1, 0], [0, 0]]], np.float32)

    colours = flow_colors(field).numpy()[0]

    np.testing.assert_allclose(colours, [[1, 0, 0], [0, 1, 1], [0.5, 0, 0], [0, 0, 0]], atol=1e-6)


def test_evidence_for_backwards_is_red_and_for_forwards_blue():
    evidence = np.array([[[2.0, -1.0], [0.0, 0.0]]])
    background = np.ones((1, 2, 2, 3), np.float32)

    colours = evidence_colors(evidence, tf.constant(background)).numpy()[0]

    np.testing.assert_allclose(colours[0, 0], [1.0, 0.4, 0.4], atol=1e-6)
    np.testing.assert_allclose(colours[0, 1], [0.4, 0.4, 0.7], atol=1e-6)
    np.testing.assert_allclose(colours[1], np.full((2, 3), 0.4), atol=1e-6)
