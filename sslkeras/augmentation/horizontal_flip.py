"""Horizontal flip."""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, pick
from sslkeras.augmentation.image_batch import check_images


def random_horizontal_flip(images, seed, *, probability=0.5):
    """Mirrors some images left to right.

    Args:
        images: float32 `(batch, height, width, channels)`.
        seed: int32 `(2,)`.
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If `probability` is out of range, or `images` are none.
    """
    check_images("random_horizontal_flip", images)
    flipped = chosen("random_horizontal_flip", seed, images, probability)
    return pick(flipped, tf.reverse(images, [2]), images)
