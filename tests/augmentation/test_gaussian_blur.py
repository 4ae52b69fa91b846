"""Tests of sslkeras.augmentation.gaussian_blur."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.gaussian_blur import gaussian_blur, random_gaussian_blur
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])


def convolved(image, sigma):
    """torchvision's blur of one image: a wide kernel in each direction, reflected border."""
    reach = 8
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if one == axis else (0, 0) for one in range(3)]
        padded = np.pad(image, padding, mode="reflect")
        image = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
    return image


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_convolved_with_its_own_gaussian(channels):
    images = tf.random.stateless_uniform([3, 12, 10, channels], SEED)
    sigma = [0.5, 1.0, 1.6]

    blurred = gaussian_blur(images, tf.constant(sigma))

    for image, blur, width in zip(images.numpy(), blurred, sigma):
        np.testing.assert_allclose(blur, convolved(image, width), atol=1e-4)


def test_no_width_means_no_blur():
    images = tf.random.stateless_uniform([2, 5, 5, 3], SEED)

    np.testing.assert_array_equal(gaussian_blur(images, tf.zeros([2])), images)


def test_constant_images_stay_constant():
    images = tf.fill([2, 6, 7, 1], 0.25)

    np.testing.assert_allclose(gaussian_blur(images, tf.constant([0.3, 2.0])), images, atol=1e-6)


def test_a_share_of_the_images_is_blurred_by_widths_in_range():
    # Of a single bright pixel far from the border the sum of squares tells the width.
    point = np.zeros([600, 17, 17, 1], np.float32)
    point[:, 8, 8] = 1.0

    blurred = random_gaussian_blur(point, SEED, sigma=(0.8, 1.6), probability=0.5).numpy()
    squares = np.sum(blurred**2, axis=(1, 2, 3))

    least, greatest = (
        np.sum(gaussian_blur(point[:1], tf.constant([sigma])).numpy() ** 2) for sigma in (1.6, 0.8)
    )
    same = squares == 1.0
    assert 0.43 < same.mean() < 0.57
    assert squares[~same].min() >= least - 1e-6 and squares[~same].max() <= greatest + 1e-6
    assert squares[~same].min() < 1.1 * least and squares[~same].max() > 0.9 * greatest


@pytest.mark.parametrize("sigma", [(0.0, 1.0), (2.0, 1.0), 1.0])
def test_widths_must_be_a_range_above_zero(sigma):
    with pytest.raises(ConfigurationError, match="`sigma` of random_gaussian_blur must be"):
        random_gaussian_blur(tf.zeros([1, 4, 4, 1]), SEED, sigma=sigma)
