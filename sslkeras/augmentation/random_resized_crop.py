"""Random resized crop, the "Inception crop".

C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015,
https://arxiv.org/abs/1409.4842, section 6; the drawing of the box is that of torchvision.
"""

import math

import tensorflow as tf

from sslkeras.augmentation.chance import split, uniform
from sslkeras.augmentation.image_batch import check_images
from sslkeras.augmentation.separable import apply_separable
from sslkeras.hyperparameters import Integer, ListOf, Real, check_argument

# Boxes drawn for an image before the largest central one is taken.
_TRIES = 10


def random_resized_crop(
    images, seed, size, *, area=(0.08, 1.0), aspect_ratio=(3 / 4, 4 / 3), antialias=True
):
    """Cuts a random box out of each image and resizes it to `size x size`.

    The area of a box is uniform in `area` and its aspect ratio log-uniform in
    `aspect_ratio`; sides are rounded to pixels. Of up to ten such boxes the first that fits
    into the image is taken, at a place uniform over all; if none fits, the largest central
    box with an aspect ratio in range.

    Args:
        images: float32 `(batch, height, width, channels)`.
        seed: int32 `(2,)`.
        size: Side of the result in pixels, >= 1.
        area: Least and greatest area as parts of the image, in (0, 1].
        aspect_ratio: Least and greatest width / height, > 0.
        antialias: See `crop_and_resize`.

    Returns:
        float32 `(batch, size, size, channels)`.

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    check_images("random_resized_crop", images)
    boxes = crop_boxes(
        seed,
        tf.shape(images)[0],
        *images.shape[1:3],
        area=area,
        aspect_ratio=aspect_ratio,
    )
    return crop_and_resize(images, boxes, size, antialias=antialias)


def crop_boxes(seed, count, height, width, *, area, aspect_ratio):
    """Boxes of `random_resized_crop`: float32 `(count, 4)` of top, left, height, width."""
    owner = "random_resized_crop"
    area = check_argument(
        owner, "area", area, ListOf(Real(0, 1, closed="right"), length=2, increasing=True)
    )
    aspect_ratio = check_argument(
        owner,
        "aspect_ratio",
        aspect_ratio,
        ListOf(Real(0, closed="neither"), length=2, increasing=True),
    )
    low, high = (math.log(ratio) for ratio in aspect_ratio)
    for_area, for_ratio, for_place = split(seed, 3)
    areas = uniform(for_area, [count, _TRIES], *area) * height * width
    if low < high:
        ratios = tf.exp(uniform(for_ratio, [count, _TRIES], low, high))
    else:
        ratios = tf.fill([count, _TRIES], aspect_ratio[0])
    widths, heights = tf.round(tf.sqrt(areas * ratios)), tf.round(tf.sqrt(areas / ratios))
    fits = (widths >= 1) & (heights >= 1) & (widths <= width) & (heights <= height)
    # The last "try" always fits: the largest box in the middle.
    central_height, central_width = _central(height, width, aspect_ratio)
    heights = tf.concat([heights, tf.fill([count, 1], central_height)], axis=1)
    widths = tf.concat([widths, tf.fill([count, 1], central_width)], axis=1)
    fits = tf.concat([fits, tf.ones([count, 1], tf.bool)], axis=1)
    first = tf.argmax(tf.cast(fits, tf.int32), axis=1, output_type=tf.int32)
    heights, widths = (tf.gather(of, first, batch_dims=1) for of in (heights, widths))
    place = uniform(for_place, [count, 2])
    place = tf.where((first == _TRIES)[:, tf.newaxis], 0.5, place)
    free = tf.stack([height - heights, width - widths], axis=1)
    # Each place of the free ones equally likely; rounding must not lead past the last.
    top_left = tf.minimum(tf.floor(place * (free + 1.0)), free)
    return tf.concat([top_left, heights[:, tf.newaxis], widths[:, tf.newaxis]], axis=1)


def crop_and_resize(images, boxes, size, *, antialias=True):
    """Cuts the given box out of each image and resizes it bilinearly to `size x size`.

    As `tf.image.resize(image[top : top + height, left : left + width], ...)`: pixels
    outside the box have no part in the result.

    Args:
        images: float32 `(batch, height, width, channels)`.
        boxes: float32 `(batch, 4)` in pixels: top, left, height, width.
        size: Side of the result in pixels, >= 1.
        antialias: Whether the triangle of the interpolation grows with the scale where the
            box is made smaller, as in PIL; without, pixels between samples are left out.

    Returns:
        float32 `(batch, size, size, channels)`.

    Raises:
        ConfigurationError: If `size` is out of range, or `images` are none.
    """
    check_images("crop_and_resize", images)
    size = check_argument("crop_and_resize", "size", size, Integer(1, unit="pixels"))
    top, left, height, width = tf.unstack(boxes, axis=1)
    rows = _bilinear(top, height, images.shape[1], size, antialias)
    columns = _bilinear(left, width, images.shape[2], size, antialias)
    return apply_separable(images, rows, columns)


def _bilinear(start, length, old, new, antialias):
    """Matrices `(batch, new, old)` that resize the pixels `start` to `start + length`."""
    start, scale = start[:, tf.newaxis], length[:, tf.newaxis] / new
    centre = start + (tf.range(new, dtype=tf.float32) + 0.5) * scale  # (batch, new)
    pixel = tf.range(old, dtype=tf.float32) + 0.5
    inside = (pixel > start) & (pixel < start + length[:, tf.newaxis])  # (batch, old)
    reach = tf.maximum(scale, 1.0) if antialias else tf.ones_like(scale)
    distance = tf.abs(pixel - centre[..., tf.newaxis]) / reach[..., tf.newaxis]
    weight = tf.nn.relu(1.0 - distance) * tf.cast(inside, tf.float32)[:, tf.newaxis]
    return weight / tf.reduce_sum(weight, axis=-1, keepdims=True)


def _central(height, width, aspect_ratio):
    """Height and width of the largest box with an aspect ratio in range, whole pixels."""
    least, greatest = aspect_ratio
    if width / height < least:
        height = max(round(width / least), 1)
    elif width / height > greatest:
        width = max(round(height * greatest), 1)
    return float(height), float(width)
