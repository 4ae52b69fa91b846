"""Displacements as colours."""

import numpy as np
import tensorflow as tf


def flow_colors(fields):
    """float32 `(..., height, width, 3)` in [0, 1]: the hue tells the direction, black stands still.

    Args:
        fields: `(..., height, width, 2)`; the longest displacement of all is brightest.
    """
    u, v = tf.unstack(tf.cast(fields, tf.float32), axis=-1)
    length = tf.sqrt(u**2 + v**2)
    hue = tf.math.floormod(tf.math.atan2(v, u) / (2 * np.pi), 1.0)
    value = tf.math.divide_no_nan(length, tf.reduce_max(length))
    return tf.image.hsv_to_rgb(tf.stack([hue, tf.ones_like(hue), value], axis=-1))


def evidence_colors(evidence, background):
    """Evidence for backwards in red and for forwards in blue, over a dimmed picture.

    Args:
        evidence: float `(examples, rows, columns)`.
        background: float32 `(examples, height, width, 3)` in [0, 1].

    Returns:
        float32 `(examples, height, width, 3)` in [0, 1].
    """
    evidence = tf.cast(evidence, tf.float32)[..., tf.newaxis]
    evidence = tf.image.resize(evidence, background.shape[1:3])
    largest = tf.reduce_max(tf.abs(evidence), axis=(1, 2, 3), keepdims=True)
    strength = tf.math.divide_no_nan(evidence, largest)
    colour = tf.concat(
        [tf.maximum(strength, 0), tf.zeros_like(strength), tf.maximum(-strength, 0)], axis=-1
    )
    return tf.clip_by_value(0.4 * background + 0.6 * colour, 0.0, 1.0)
