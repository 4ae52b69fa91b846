"""Tests of sslkeras.augmentation.grayscale."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.grayscale import grayscale, random_grayscale
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])


def test_gray_is_the_luma_in_all_channels():
    images = tf.random.stateless_uniform([2, 3, 4, 3], SEED)

    gray = grayscale(images)

    assert gray.shape == images.shape
    # TensorFlow rounds the weight of red to 0.2989.
    np.testing.assert_allclose(
        gray, np.repeat(tf.image.rgb_to_grayscale(images), 3, axis=-1), atol=2e-4
    )
    np.testing.assert_allclose(gray[..., 1], images.numpy() @ [0.299, 0.587, 0.114], atol=1e-6)


def test_gray_images_stay_as_they_are():
    one = tf.random.stateless_uniform([2, 3, 4, 1], SEED)
    three = tf.repeat(one, 3, axis=-1)

    np.testing.assert_array_equal(grayscale(one), one)
    np.testing.assert_allclose(grayscale(three), three, atol=1e-6)


def test_a_share_of_the_images_turns_gray():
    images = tf.random.stateless_uniform([3000, 2, 2, 3], SEED)

    changed = random_grayscale(images, SEED, probability=0.2).numpy()
    gray = np.all(changed[..., 0] == changed[..., 2], axis=(1, 2))

    assert 0.17 < gray.mean() < 0.23
    np.testing.assert_array_equal(changed[gray], grayscale(images).numpy()[gray])
    np.testing.assert_array_equal(changed[~gray], images.numpy()[~gray])


def test_probabilities_above_one_are_refused():
    with pytest.raises(ConfigurationError, match="`probability` of random_grayscale must be"):
        random_grayscale(tf.zeros([1, 2, 2, 3]), SEED, probability=1.5)
