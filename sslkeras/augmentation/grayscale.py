"""Colour to gray."""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, pick
from sslkeras.augmentation.image_batch import check_images

# ITU-R BT.601, as in PIL and torchvision; they sum to 1, so that gray stays as it is.
LUMA = (0.299, 0.587, 0.114)


def grayscale(images):
    """The luma of each pixel in all three channels; gray images as they are.

    Args:
        images: float32 `(batch, height, width, channels)` with 1 or 3 channels.

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If `images` are none.
    """
    if check_images("grayscale", images) == 1:
        return images
    red, green, blue = tf.unstack(images, axis=-1)
    gray = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return tf.stack([gray, gray, gray], axis=-1)


def random_grayscale(images, seed, *, probability=0.2):
    """Turns some images gray.

    Args:
        images: float32 `(batch, height, width, channels)` with 1 or 3 channels.
        seed: int32 `(2,)`.
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If `probability` is out of range, or `images` are none.
    """
    check_images("random_grayscale", images)
    gray = chosen("random_grayscale", seed, images, probability)
    return pick(gray, grayscale(images), images)
