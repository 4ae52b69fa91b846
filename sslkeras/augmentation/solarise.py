"""Solarisation.

As an augmentation: J.-B. Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020,
https://arxiv.org/abs/2006.07733, appendix B.
"""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, pick
from sslkeras.augmentation.image_batch import check_images
from sslkeras.hyperparameters import Real, check_argument


def solarise(images, threshold=0.5):
    """Inverts all values that are not below `threshold`: `x` becomes `1 - x`.

    Args:
        images: float32 in [0, 1].
        threshold: In [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If `threshold` is out of range.
    """
    threshold = check_argument("solarise", "threshold", threshold, Real(0, 1))
    return tf.where(images < threshold, images, 1.0 - images)


def random_solarise(images, seed, *, threshold=0.5, probability=0.2):
    """Solarises some images.

    Args:
        images: float32 `(batch, height, width, channels)` in [0, 1].
        seed: int32 `(2,)`.
        threshold: In [0, 1].
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    check_images("random_solarise", images)
    inverted = chosen("random_solarise", seed, images, probability)
    return pick(inverted, solarise(images, threshold), images)
