"""Tests of sslkeras.augmentation.random_resized_crop."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.random_resized_crop import (
    crop_and_resize,
    crop_boxes,
    random_resized_crop,
)
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])


def image_batch(count, height, width, channels=3):
    return tf.random.stateless_uniform([count, height, width, channels], [0, count])


@pytest.mark.parametrize("antialias", [True, False])
def test_each_image_is_resized_as_tf_image_resizes_its_box(antialias):
    images = image_batch(4, 12, 15)
    # Smaller, equal, larger than 8, and the whole image.
    boxes = np.array([[2, 3, 4, 6], [1, 0, 8, 8], [0, 2, 11, 13], [0, 0, 12, 15]])

    crops = crop_and_resize(images, tf.constant(boxes, tf.float32), 8, antialias=antialias)

    for image, crop, (top, left, height, width) in zip(images, crops, boxes):
        expected = tf.image.resize(
            image[top : top + height, left : left + width], (8, 8), antialias=antialias
        )
        np.testing.assert_allclose(crop, expected, atol=1e-5)


def test_a_random_crop_resizes_the_box_that_it_draws():
    images = image_batch(5, 10, 14)
    boxes = crop_boxes(SEED, 5, 10, 14, area=(0.2, 1.0), aspect_ratio=(0.75, 4 / 3))

    crops = random_resized_crop(images, SEED, 6, area=(0.2, 1.0))

    for image, crop, box in zip(images, crops, boxes.numpy().astype(int)):
        top, left, height, width = box
        cut = image[top : top + height, left : left + width]
        np.testing.assert_allclose(crop, tf.image.resize(cut, (6, 6), antialias=True), atol=1e-5)


def test_boxes_lie_in_the_image_and_in_range():
    boxes = crop_boxes(SEED, 4000, 64, 96, area=(0.2, 0.5), aspect_ratio=(0.5, 2.0)).numpy()
    top, left, height, width = boxes.T

    np.testing.assert_array_equal(boxes, np.round(boxes))
    assert top.min() == 0 and left.min() == 0
    assert (top + height).max() == 64 and (left + width).max() == 96
    # Sides are rounded to pixels, so the range holds up to half a pixel.
    assert ((height + 0.5) * (width + 0.5)).min() >= 0.2 * 64 * 96
    assert ((height - 0.5) * (width - 0.5)).max() <= 0.5 * 64 * 96
    assert ((width + 0.5) / (height - 0.5)).min() >= 0.5
    assert ((width - 0.5) / (height + 0.5)).max() <= 2.0


def test_area_is_uniform_and_the_aspect_ratio_log_uniform():
    boxes = crop_boxes(SEED, 20000, 512, 512, area=(0.1, 0.3), aspect_ratio=(0.5, 2.0)).numpy()
    area = boxes[:, 2] * boxes[:, 3] / 512**2
    log_ratio = np.log2(boxes[:, 3] / boxes[:, 2])

    # Of 20,000 draws the share in a tenth has a deviation of 0.002.
    for values, low, high in ((area, 0.1, 0.3), (log_ratio, -1.0, 1.0)):
        shares = np.histogram(values, bins=10, range=(low, high))[0] / 20000
        np.testing.assert_allclose(shares, 0.1, atol=0.012)


def test_places_are_uniform_to_the_last():
    # 16 of 64 pixels with ratio 1: a 4 x 4 box in 8 x 8 has 5 x 5 places.
    boxes = crop_boxes(SEED, 20000, 8, 8, area=(0.25, 0.25), aspect_ratio=(1.0, 1.0)).numpy()

    for place in boxes[:, :2].T:
        np.testing.assert_allclose(np.bincount(place.astype(int)) / 20000, 0.2, atol=0.015)


def test_the_largest_central_box_is_taken_where_none_fits():
    # A square of 90 % of 8 x 80 does not fit; the largest with ratio <= 4/3 is 8 x 11.
    boxes = crop_boxes(SEED, 3, 8, 80, area=(0.9, 0.9), aspect_ratio=(0.75, 4 / 3)).numpy()

    np.testing.assert_array_equal(boxes, [[0, 35, 8, 11]] * 3)  # (80 - 11 + 1) / 2 = 35


def test_whole_images_are_only_resized():
    images = image_batch(2, 9, 9)

    crops = random_resized_crop(images, SEED, 5, area=(1.0, 1.0), aspect_ratio=(1.0, 1.0))

    np.testing.assert_allclose(crops, tf.image.resize(images, (5, 5), antialias=True), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` of crop_and_resize must be an integer >= 1"),
        ({"area": (0.0, 1.0)}, "`area` of random_resized_crop must be"),
        ({"area": (0.9, 0.2)}, "`area` of random_resized_crop must be"),
        ({"aspect_ratio": (0.0, 1.0)}, "`aspect_ratio` of random_resized_crop must be"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        random_resized_crop(image_batch(1, 4, 4), SEED, **{"size": 4, **arguments})
