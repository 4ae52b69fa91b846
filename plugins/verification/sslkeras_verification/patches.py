"""Squares cut out of images: where they may lie, and what lies there."""

import math

import tensorflow as tf

from sslkeras.augmentation.separable import apply_separable
from sslkeras.errors import DataError


def require_images(owner, split, *, colour_steps):
    """Raises `DataError` unless all images of `split` have one size.

    Args:
        owner: Name of the task, for the message.
        split: The `Split`.
        colour_steps: Whether the task changes colours: images then need 1 or 3 channels.
    """
    shape = split.features["image"].shape
    if not shape.is_fully_defined():
        raise DataError(
            f"{owner} needs images of one size. Received: 'image' of shape {shape}. Choose a size "
            "in the dataset's arguments."
        )
    if colour_steps and shape[-1] not in (1, 3):
        raise DataError(
            f"{owner} changes colours, which needs images of 1 or 3 channels. Received: 'image' of "
            f"shape {shape}. Choose other images, or switch the changes of colour off."
        )


def draw_below(limits, seed):
    """Whole numbers, each uniform in [0, its limit).

    Args:
        limits: int32 tensor, >= 1.
        seed: int32 `(2,)`.

    Returns:
        int32 of the shape of `limits`.
    """
    uniform = tf.random.stateless_uniform(tf.shape(limits), seed)
    # Rounding could lead to the limit itself.
    return tf.minimum(tf.cast(uniform * tf.cast(limits, tf.float32), tf.int32), limits - 1)


def cut(images, corners, height, width):
    """Rectangles of images.

    Args:
        images: `(batch, rows, columns, channels)`.
        corners: int32 `(batch, patches, 2)`: row and column of each top left pixel.
        height, width: Pixels of a rectangle, which must lie inside.

    Returns:
        `(batch, patches, height, width, channels)`.
    """
    columns, channels = images.shape[2:]
    row = corners[..., 0, tf.newaxis, tf.newaxis] + tf.range(height)[:, tf.newaxis]
    column = corners[..., 1, tf.newaxis, tf.newaxis] + tf.range(width)
    pixels = tf.reshape(images, [-1, images.shape[1] * columns, channels])
    return tf.gather(pixels, row * columns + column, axis=1, batch_dims=1)


def cut_channels(images, corners, side):
    """Squares of images, each channel from a place of its own.

    Args:
        images: `(batch, rows, columns, channels)`.
        corners: int32 `(batch, patches, channels, 2)`: row and column of each top left pixel.
        side: Pixels of a square, which must lie inside.

    Returns:
        `(batch, patches, side, side, channels)`.
    """
    rows, columns, channels = images.shape[1:]
    steps = tf.range(side)
    row = corners[:, :, tf.newaxis, tf.newaxis, :, 0] + steps[:, tf.newaxis, tf.newaxis]
    column = corners[:, :, tf.newaxis, tf.newaxis, :, 1] + steps[:, tf.newaxis]
    place = (row * columns + column) * channels + tf.range(channels)
    values = tf.reshape(images, [-1, rows * columns * channels])
    return tf.gather(values, place, axis=1, batch_dims=1)


def cut_resized(images, sizes, corners, side, least_size):
    """Squares of images that are resized, each to a size of its own.

    As `tf.image.resize(image, size, antialias=True)`, then cut; but only the pixels that the
    squares show are computed.

    Args:
        images: float32 `(batch, rows, columns, channels)`.
        sizes: int32 `(batch, 2)`: height and width after resizing.
        corners: int32 `(batch, patches, 2)`: row and column of each top left pixel, in the
            resized image.
        side: Pixels of a square, which must lie inside.
        least_size: Height and width that none of `sizes` falls below.

    Returns:
        float32 `(batch, patches, side, side, channels)`.
    """
    patches, channels = corners.shape[1], images.shape[-1]
    rectangle, starts, weights = [], [], []
    for axis, (old, least) in enumerate(zip(images.shape[1:3], least_size)):
        # Source pixels for each new one, at most.
        step = old / least
        length = min(old, math.ceil((side - 1) * step + 2 * max(step, 1.0)) + 2)
        start, weight = _bilinear(corners[..., axis], sizes[:, axis], old, side, length)
        rectangle.append(length)
        starts.append(start)
        weights.append(weight)
    windows = cut(images, tf.stack(starts, axis=-1), *rectangle)
    windows = tf.reshape(windows, [-1, *rectangle, channels])
    squares = apply_separable(windows, *weights)
    return tf.reshape(squares, [-1, patches, side, side, channels])


def _bilinear(corner, new, old, side, length):
    """Where each patch's source pixels begin on an axis, and their weights.

    Returns:
        int32 `(batch, patches)` and float32 `(batch * patches, side, length)`.
    """
    step = old / tf.cast(new, tf.float32)[:, tf.newaxis]  # (batch, 1)
    reach = tf.maximum(step, 1.0)  # Of the triangle, which grows where images shrink.
    first = (tf.cast(corner, tf.float32) + 0.5) * step - 0.5
    start = tf.cast(tf.floor(first - reach), tf.int32)
    start = tf.clip_by_value(start, 0, old - length)  # (batch, patches)
    centre = first[..., tf.newaxis] + tf.range(side, dtype=tf.float32) * step[..., tf.newaxis]
    pixel = tf.cast(start[..., tf.newaxis] + tf.range(length), tf.float32)
    distance = tf.abs(pixel[..., tf.newaxis, :] - centre[..., tf.newaxis])
    weight = tf.nn.relu(1.0 - distance / reach[..., tf.newaxis, tf.newaxis])
    weight /= tf.reduce_sum(weight, axis=-1, keepdims=True)
    return start, tf.reshape(weight, [-1, side, length])
