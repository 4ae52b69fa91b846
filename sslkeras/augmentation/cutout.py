"""Cutout.

T. DeVries, G. W. Taylor, "Improved Regularization of Convolutional Neural Networks with
Cutout", 2017, https://arxiv.org/abs/1708.04552.
"""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, drawn, pick, split
from sslkeras.augmentation.image_batch import check_images
from sslkeras.hyperparameters import Integer, Real, check_argument


def cutout(images, centres, side, *, fill=0.0):
    """Covers a square of each image; what of it lies outside the image is lost.

    Args:
        images: float32 `(batch, height, width, channels)`.
        centres: float32 `(batch, 2)`, row and column of a pixel: the square covers the
            pixels from `centre - side // 2` to `centre - side // 2 + side - 1`.
        side: Of the square in pixels, >= 1.
        fill: Value in the square.

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    check_images("cutout", images)
    side = check_argument("cutout", "side", side, Integer(1, unit="pixels"))
    fill = check_argument("cutout", "fill", fill, Real())
    rows, columns = (_covered(centres[:, axis], images.shape[1 + axis], side) for axis in (0, 1))
    square = rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :]
    return tf.where(square[..., tf.newaxis], fill, images)


def random_cutout(images, seed, side, *, fill=0.0, probability=1.0):
    """Covers a square of some images, its centre uniform over all pixels.

    Args:
        images: float32 `(batch, height, width, channels)`.
        seed: int32 `(2,)`.
        side: Of the square in pixels, >= 1.
        fill: Value in the square.
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    check_images("random_cutout", images)
    for_choice, for_place = split(seed)
    covered = chosen("random_cutout", for_choice, images, probability)
    sides = tf.constant(tuple(images.shape[1:3]), tf.float32)
    centres = tf.minimum(tf.floor(drawn(for_place, images, 2) * sides), sides - 1.0)
    return pick(covered, cutout(images, centres, side, fill=fill), images)


def _covered(centre, size, side):
    """bool `(batch, size)`: which rows or columns the square takes."""
    distance = tf.range(size, dtype=tf.float32) - centre[:, tf.newaxis] + side // 2
    return (distance >= 0) & (distance < side)
