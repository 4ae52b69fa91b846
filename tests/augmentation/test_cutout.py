"""Tests of sslkeras.augmentation.cutout."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.cutout import cutout, random_cutout
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])


@pytest.mark.parametrize("side", [1, 2, 3, 20])
def test_a_square_around_each_centre_is_filled(side):
    images = tf.random.stateless_uniform([3, 6, 8, 3], SEED).numpy()
    centres = [(0, 0), (3, 4), (5, 7)]

    covered = cutout(images, tf.constant(centres, tf.float32), side, fill=0.5)

    expected = images.copy()
    for image, (row, column) in zip(expected, centres):
        top, left = row - side // 2, column - side // 2
        image[max(top, 0) : top + side, max(left, 0) : left + side] = 0.5
    np.testing.assert_array_equal(covered, expected)


def test_centres_are_uniform_over_all_pixels():
    covered = random_cutout(tf.ones([6000, 2, 3, 1]), SEED, 1).numpy()

    assert np.all(covered.sum(axis=(1, 2, 3)) == 5)
    np.testing.assert_allclose(1 - covered.mean(axis=(0, 3)), 1 / 6, atol=0.02)


def test_a_share_of_the_images_is_covered():
    covered = random_cutout(tf.ones([2000, 3, 3, 1]), SEED, 3, probability=0.3).numpy()

    assert 0.26 < np.mean(covered.min(axis=(1, 2, 3)) == 0) < 0.34


def test_squares_without_a_pixel_are_refused():
    with pytest.raises(ConfigurationError, match="`side` of cutout must be an integer >= 1"):
        random_cutout(tf.ones([1, 3, 3, 1]), SEED, 0)
