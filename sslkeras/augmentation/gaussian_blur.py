"""Gaussian blur.

As an augmentation: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A Simple Framework for
Contrastive Learning of Visual Representations", ICML 2020,
https://arxiv.org/abs/2002.05709, appendix A.
"""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, drawn, split
from sslkeras.augmentation.image_batch import check_images
from sslkeras.augmentation.separable import apply_separable
from sslkeras.hyperparameters import ListOf, Real, check_argument

# A kernel this narrow is exactly the identity in float32.
_NO_BLUR = 1e-3


def gaussian_blur(images, sigma):
    """Blurs each image by a Gaussian of its own width, mirrored at the border.

    Args:
        images: float32 `(batch, height, width, channels)`.
        sigma: float32 `(batch,)`, standard deviations in pixels, >= 0; 0 leaves an image
            as it is. Less than about a quarter of the smaller side.

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If `images` are none.
    """
    check_images("gaussian_blur", images)
    sigma = tf.maximum(sigma, _NO_BLUR)
    return apply_separable(images, *(_smoothing(sigma, side) for side in images.shape[1:3]))


def random_gaussian_blur(images, seed, *, sigma=(0.1, 2.0), probability=0.5):
    """Blurs some images by a Gaussian whose width is uniform in `sigma`.

    Args:
        images: float32 `(batch, height, width, channels)`.
        seed: int32 `(2,)`.
        sigma: Least and greatest standard deviation in pixels, > 0.
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape.

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    least, greatest = check_argument(
        "random_gaussian_blur",
        "sigma",
        sigma,
        ListOf(Real(0, closed="neither", unit="pixels"), length=2, increasing=True),
    )
    for_choice, for_width = split(seed)
    blurred = chosen("random_gaussian_blur", for_choice, images, probability)
    width = least + (greatest - least) * drawn(for_width, images)[:, 0]
    return gaussian_blur(images, tf.where(blurred, width, 0.0))


def _smoothing(sigma, side):
    """Matrices `(batch, side, side)` whose rows are the kernel around each pixel."""
    pixel = tf.range(side, dtype=tf.float32)
    place, other = pixel[:, tf.newaxis], pixel
    exponent = -0.5 / tf.square(sigma)[:, tf.newaxis, tf.newaxis]

    def kernel(distance):
        return tf.exp(exponent * tf.square(distance))

    # What lies beyond the border is the image mirrored at the middle of its last pixel.
    weight = kernel(place - other)
    weight += tf.where(other > 0, kernel(place + other), 0.0)
    weight += tf.where(other < side - 1, kernel(2.0 * (side - 1) - place - other), 0.0)
    return weight / tf.reduce_sum(weight, axis=-1, keepdims=True)
