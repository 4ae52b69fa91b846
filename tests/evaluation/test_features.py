"""Tests of sslkeras.evaluation.features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.features import check_pooling, embed, embedding_of, extract, feature_for


def doubling(shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))


def test_rows_come_once_and_in_order_whatever_the_last_batch():
    images = np.arange(11, dtype=np.float32).reshape(11, 1, 1, 1)
    split = ArraySplit({"image": images, "label": np.arange(11)})
    encoder = doubling((1, 1, 1))

    found = extract(
        split, "image", lambda: embedding_of(encoder, "mean", split.features["image"]), 4
    )

    np.testing.assert_array_equal(found.features[:, 0], 2.0 * np.arange(11))
    np.testing.assert_array_equal(found.targets["label"], np.arange(11))


def test_a_split_of_unknown_size_is_read_to_its_end():
    examples = tf.data.Dataset.from_tensor_slices({"image": tf.range(300.0)[:, None]})
    split = Given(examples.filter(lambda example: True)).train
    assert split.size is None

    found = extract(split, "image", lambda: lambda batch: batch, 7)

    np.testing.assert_array_equal(found.features[:, 0], np.arange(300.0))


def test_pixels_reach_the_encoder_in_the_unit_interval():
    split = ArraySplit({"image": np.full((2, 1, 1, 1), 255, np.uint8)})
    encoder = doubling((1, 1, 1))

    found = extract(
        split, "image", lambda: embedding_of(encoder, "mean", split.features["image"]), 4
    )

    np.testing.assert_allclose(found.features, 2.0)


def test_batch_normalisation_is_in_inference_mode():
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(epsilon=0.0)])
    inputs = np.random.default_rng(0).normal(5.0, 2.0, (6, 3)).astype(np.float32)
    before = encoder.get_weights()

    found = embedding_of(encoder, "mean", tf.TensorSpec([3]))(tf.constant(inputs))

    np.testing.assert_allclose(found, inputs, rtol=1e-6)  # Moving mean 0, variance 1.
    for weights, old in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, old)


def test_the_frames_of_a_clip_are_averaged():
    clips = tf.reshape(tf.range(24.0), (2, 3, 2, 2, 1))

    vectors = embed(doubling((2, 2, 1)), clips, "mean")

    np.testing.assert_allclose(vectors[:, 0], 2 * np.arange(24.0).reshape(2, -1).mean(axis=1))


def test_poolings_of_a_map():
    images = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Activation("linear")])

    # Rows 0 1 2 3 / 4 5 6 7 / ...: the cells of the 2 x 2 grid have means 2.5, 4.5, 10.5, 12.5.
    np.testing.assert_allclose(embed(encoder, images, "mean"), [[7.5]])
    np.testing.assert_allclose(embed(encoder, images, "max"), [[15.0]])
    np.testing.assert_allclose(embed(encoder, images, "grid:2"), [[2.5, 4.5, 10.5, 12.5]])
    assert embed(encoder, images, "flatten").shape == (1, 16)


@pytest.mark.parametrize("pooling", ["median", "grid:0", "grid:x", 3])
def test_an_unknown_pooling_is_refused(pooling):
    with pytest.raises(ConfigurationError, match="`pooling` must be one of 'mean'"):
        check_pooling(pooling)


def test_a_dataset_without_the_feature_is_refused():
    split = ArraySplit({"waveform": np.zeros((2, 9), np.float32)})

    with pytest.raises(DataError, match="must offer 'image'.*a dataset with waveform"):
        feature_for(doubling((4, 4, 1)), split, "image")


def test_a_shape_that_does_not_fit_is_refused():
    split = ArraySplit({"image": np.zeros((2, 5, 4, 3), np.float32)})

    with pytest.raises(DataError, match=r"shape that the encoder takes, \(4, 4, 1\).*\(5, 4, 3\)"):
        feature_for(doubling((4, 4, 1)), split, "image")


@pytest.mark.parametrize("time", [(), (3,)])
def test_an_encoder_whose_weights_allow_it_takes_images_of_another_size(time):
    values = np.random.default_rng(0).random((2, *time, 5, 6, 1)).astype(np.float32)
    split = ArraySplit({"x": values})
    encoder = doubling((4, 4, 1))

    assert feature_for(encoder, split, "x") == "x"
    features = embedding_of(encoder, "mean", split.features["x"])(values)

    expected = 2 * values.mean(axis=tuple(range(1, values.ndim - 1)))
    np.testing.assert_allclose(features, expected, rtol=1e-6)


def test_an_encoder_of_frames_takes_clips_and_falls_back_to_images():
    encoder = doubling((4, 4, 1))
    clips = ArraySplit({"video": np.zeros((2, 3, 4, 4, 1), np.float32)})
    images = ArraySplit({"image": np.zeros((2, 4, 4, 1), np.float32)})

    assert feature_for(encoder, clips, "video") == "video"
    assert feature_for(encoder, images, "video") == "image"
