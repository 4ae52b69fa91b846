"""The random views that MoCo contrasts."""

import tensorflow as tf

from sslkeras.augmentation import (
    colour_jitter,
    random_gaussian_blur,
    random_grayscale,
    random_horizontal_flip,
    random_resized_crop,
)

AUGMENTATIONS = ("v1", "v2")
# Pixels, of images of 224 (SimCLR, appendix A).
_BLUR = (0.1, 2.0)
_BLURRED_SIZE = 224


def random_view(images, seed, *, augmentation, size, min_area, flip_probability):
    """One random view of each image.

    "v1" (section 4 of the first paper): crop, grayscale with probability 0.2, colour jitter
    always, flip. "v2" (section 3 of the second): crop, weaker colour jitter with
    probability 0.8, grayscale, blur with probability 0.5, flip. Gray images keep what does
    not need colour.

    Args:
        images: float32 `(batch, height, width, channels)` in [0, 1], 1 or 3 channels.
        seed: int32 `(2,)`.
        augmentation: One of `AUGMENTATIONS`.
        size: Side of the view in pixels.
        min_area: Least area of a crop, as a part of the image.
        flip_probability: Of each image.

    Returns:
        float32 `(batch, size, size, channels)` in [0, 1].
    """
    for_crop, for_jitter, for_gray, for_blur, for_flip = tf.unstack(tf.random.split(seed, 5))
    views = random_resized_crop(images, for_crop, size, area=(min_area, 1.0))
    if augmentation == "v1":
        views = random_grayscale(views, for_gray, probability=0.2)
        views = colour_jitter(
            views, for_jitter, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.4
        )
    else:
        views = colour_jitter(
            views,
            for_jitter,
            brightness=0.4,
            contrast=0.4,
            saturation=0.4,
            hue=0.1,
            probability=0.8,
        )
        views = random_grayscale(views, for_gray, probability=0.2)
        sigma = tuple(width * size / _BLURRED_SIZE for width in _BLUR)
        views = random_gaussian_blur(views, for_blur, sigma=sigma, probability=0.5)
    views = random_horizontal_flip(views, for_flip, probability=flip_probability)
    # Interpolation rounds beyond the range by a last bit.
    return tf.clip_by_value(views, 0.0, 1.0)
