"""Linear maps of images that act on rows and columns apart, another one for each image.

Resizing and blurring are such maps. As two products of small matrices they run batched,
without a loop over images, on a CPU, on an accelerator and under XLA.
"""

import tensorflow as tf


def apply_separable(images, rows, columns):
    """`rows @ image @ transpose(columns)` for each image and channel.

    Args:
        images: float32 `(batch, height, width, channels)`.
        rows: float32 `(batch, new height, height)`.
        columns: float32 `(batch, new width, width)`.

    Returns:
        float32 `(batch, new height, new width, channels)`.
    """
    count = tf.shape(images)[0]
    height, width, channels = images.shape[1:]
    new_height, new_width = rows.shape[1], columns.shape[1]
    images = tf.matmul(rows, tf.reshape(images, [count, height, width * channels]))
    images = tf.reshape(images, [count, new_height, width, channels])
    images = tf.reshape(tf.transpose(images, [0, 2, 1, 3]), [count, width, new_height * channels])
    images = tf.matmul(columns, images)
    images = tf.reshape(images, [count, new_width, new_height, channels])
    return tf.transpose(images, [0, 2, 1, 3])
