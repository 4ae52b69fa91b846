"""Tests of sslkeras_verification.past_context."""

import keras
import numpy as np
import tensorflow as tf
from sslkeras_verification.past_context import PastContext, context_indices


def test_only_the_past_is_seen_and_nothing_before_the_first_frame():
    indices = context_indices(tf.constant([0, 4, 20]), 3, 5)

    np.testing.assert_array_equal(indices, [[0, 0, 0], [0, 0, 4], [10, 15, 20]])


def test_each_frame_of_a_clip_stands_behind_its_past(tmp_path):
    clip = keras.Input((None, 2))
    model = keras.Model(clip, PastContext(2, 3)(clip))
    frames = tf.reshape(tf.range(10.0), [1, 5, 2])

    model.save(tmp_path / "model.keras")
    stacks = keras.models.load_model(tmp_path / "model.keras")(frames)

    assert model.output_shape == (None, None, 2, 2)
    np.testing.assert_array_equal(stacks[0, :, 1], frames[0])
    np.testing.assert_array_equal(stacks[0, :, 0, 0], [0, 0, 0, 0, 2])
