"""Square crops with a place and a mirroring of their own for each image of a batch."""

import tensorflow as tf


def random_places(seed, batch, height, width, size):
    """Draws where to crop.

    Args:
        seed: int32 `(2,)`.
        batch: Number of images.
        height: Rows of the images.
        width: Columns of the images.
        size: Rows and columns of a crop.

    Returns:
        int32 `(batch, size)` rows and columns to gather; columns run backwards in half of
        the crops, which mirrors them.
    """
    tops, lefts, flips = tf.unstack(tf.random.split(seed, 3))
    steps = tf.range(size)[tf.newaxis]
    top = tf.random.stateless_uniform((batch, 1), tops, 0, height - size + 1, tf.int32)
    left = tf.random.stateless_uniform((batch, 1), lefts, 0, width - size + 1, tf.int32)
    mirrored = tf.random.stateless_uniform((batch, 1), flips) < 0.5
    return top + steps, left + tf.where(mirrored, size - 1 - steps, steps)


def crop(images, rows, columns):
    """Gathers the pixels `[rows] x [columns]` of each image.

    Args:
        images: `(batch, height, width, channels)`.
        rows: int32 `(batch, out_height)`.
        columns: int32 `(batch, out_width)`.
    """
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)
