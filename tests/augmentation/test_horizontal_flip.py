"""Tests of sslkeras.augmentation.horizontal_flip."""

import numpy as np
import tensorflow as tf

from sslkeras.augmentation.horizontal_flip import random_horizontal_flip

SEED = tf.constant([3, 4])


def test_half_of_the_images_are_mirrored_left_to_right():
    images = tf.random.stateless_uniform([1000, 2, 3, 1], SEED).numpy()

    flipped = random_horizontal_flip(images, SEED).numpy()

    mirrored = np.all(flipped == images[:, :, ::-1], axis=(1, 2, 3))
    same = np.all(flipped == images, axis=(1, 2, 3))
    assert np.all(mirrored ^ same)
    assert 0.45 < mirrored.mean() < 0.55


def test_probability_0_and_1_are_certain():
    images = tf.random.stateless_uniform([50, 2, 3, 3], SEED).numpy()

    never = random_horizontal_flip(images, SEED, probability=0)
    always = random_horizontal_flip(images, SEED, probability=1)

    np.testing.assert_array_equal(never, images)
    np.testing.assert_array_equal(always, tf.image.flip_left_right(images))
