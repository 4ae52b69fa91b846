"""Tests of sslkeras.layers.folding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.layers import FoldViews, UnfoldViews, apply_to_frames, apply_to_views


def test_views_of_an_example_stay_together_and_in_order():
    views = tf.reshape(tf.range(12), (2, 3, 2))

    folded = FoldViews()(views)

    np.testing.assert_array_equal(folded, [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]])
    np.testing.assert_array_equal(UnfoldViews(3)(folded), views)


def test_each_view_gets_what_the_model_alone_would_give():
    trunk = keras.Sequential([keras.layers.Conv2D(3, 2, input_shape=(4, 4, 1))])
    views = keras.Input((5, 4, 4, 1))
    model = keras.Model(views, apply_to_views(trunk, views))
    given = np.random.default_rng(0).normal(size=(2, 5, 4, 4, 1)).astype("float32")

    answer = model(given)

    assert model.output_shape == (None, 5, 3, 3, 3)
    for view in range(5):
        np.testing.assert_allclose(answer[:, view], trunk(given[:, view]), rtol=1e-5, atol=1e-6)


def test_values_keep_their_precision_in_a_model_of_half_precision():
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        folded = FoldViews()(tf.fill([2, 3, 1], 1.0001))
        assert folded.dtype == UnfoldViews(3)(folded).dtype == tf.float32
    finally:
        keras.mixed_precision.set_global_policy(policy)


def test_batch_normalisation_sees_all_views_at_once():
    normalise = keras.layers.BatchNormalization(momentum=0.0, input_shape=(1,))
    views = keras.Input((2, 1))
    model = keras.Model(views, apply_to_views(keras.Sequential([normalise]), views))

    model(tf.constant([[[0.0], [2.0]], [[4.0], [6.0]]]), training=True)

    assert float(normalise.moving_mean[0]) == pytest.approx(3)  # Not 4, of the last view alone.


def test_a_saved_model_folds_alike(tmp_path):
    views = keras.Input((2, 3))
    model = keras.Model(views, apply_to_views(keras.Sequential([keras.layers.Dense(4)]), views))
    model.save(tmp_path / "model.keras")
    given = np.ones((1, 2, 3), np.float32)

    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_allclose(loaded(given), model(given))


def test_frames_of_clips_of_any_length_get_what_the_model_alone_would_give(tmp_path):
    clips = keras.Input((None, 4, 4, 1))
    trunk = keras.Sequential([keras.layers.Conv2D(3, 2, input_shape=(4, 4, 1))])
    model = keras.Model(clips, apply_to_frames(trunk, clips))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert model.output_shape == (None, None, 3, 3, 3)
    for length in (1, 3):
        given = np.random.default_rng(0).normal(size=(2, length, 4, 4, 1)).astype("float32")
        answer = model(given)
        for frame in range(length):
            np.testing.assert_allclose(
                answer[:, frame], trunk(given[:, frame]), rtol=1e-5, atol=1e-6
            )
        np.testing.assert_allclose(loaded(given), answer, rtol=1e-5, atol=1e-6)
