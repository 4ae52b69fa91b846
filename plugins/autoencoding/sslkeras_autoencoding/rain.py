"""Drops on a window: each shows a small, blurred, upside-down picture of the scene.

A synthetic substitute for the photographed pairs of Eigen et al. (2013). For a drop with
centre (cy, cx), radius r, aspect a, zoom g, gain b and highlight s, R being the blurred
clean image at (cy - g (y - cy), cx - g (x - cx)):

    rho = sqrt(((y - cy) / a)^2 + (x - cx)^2) / r
    m = sigmoid((1 - rho) r / softness)
    x <- (1 - m) x + m clip(b R + s (1 - rho), 0, 1)
"""

import math

import numpy as np
import tensorflow as tf


def add_drops(clean, drops, *, zoom, softness, blur, highlight):
    """Composites drops over images, one after another.

    Args:
        clean: float `(batch, size, size, channels)` in [0, 1], size known.
        drops: float `(batch, drops, 5)`: cy, cx, r in pixels, aspect and gain.
        zoom: g: how much smaller the picture in a drop is than the scene.
        softness: Width of a drop's edge in pixels.
        blur: Standard deviation in pixels of the blur of what a drop shows.
        highlight: s: light added in the middle of a drop.

    Returns:
        float of the shape of `clean`, in [0, 1].
    """
    size = clean.shape[1]
    scene = blurred(clean, blur)
    steps = tf.range(size, dtype=tf.float32)[tf.newaxis]

    def add_drop(image, drop):
        row, column, radius, aspect, gain = tf.split(drop, 5, axis=-1)  # (batch, 1) each
        down, right = steps - row, steps - column  # (batch, size)
        distance = tf.sqrt(
            tf.square(down / aspect)[:, :, tf.newaxis] + tf.square(right)[:, tf.newaxis]
        )
        radius = radius[:, tf.newaxis]
        inwards = (1.0 - distance / radius)[..., tf.newaxis]
        mask = tf.sigmoid(inwards * radius[..., tf.newaxis] / softness)
        # From the clean scene: a drop does not show the drops around it.
        shown = sample(scene, row - zoom * down, column - zoom * right)
        gain = gain[:, tf.newaxis, tf.newaxis]
        shown = tf.clip_by_value(gain * shown + highlight * inwards, 0.0, 1.0)
        return (1.0 - mask) * image + mask * shown

    image = tf.foldl(add_drop, tf.transpose(drops, (1, 0, 2)), clean)
    return tf.clip_by_value(image, 0.0, 1.0)


def sample(images, rows, columns):
    """Bilinear interpolation on a grid of rows and columns, clamped to the image.

    Args:
        images: float `(batch, height, width, channels)`.
        rows: float `(batch, out_height)`.
        columns: float `(batch, out_width)`.

    Returns:
        float `(batch, out_height, out_width, channels)`.
    """
    images = _sample_rows(images, rows)
    images = _sample_rows(tf.transpose(images, (0, 2, 1, 3)), columns)
    return tf.transpose(images, (0, 2, 1, 3))


def _sample_rows(images, rows):
    last = tf.shape(images)[1] - 1
    rows = tf.clip_by_value(rows, 0.0, tf.cast(last, tf.float32))
    upper = tf.floor(rows)
    share = (rows - upper)[:, :, tf.newaxis, tf.newaxis]
    upper = tf.cast(upper, tf.int32)
    lower = tf.minimum(upper + 1, last)
    return (1.0 - share) * tf.gather(images, upper, axis=1, batch_dims=1) + share * tf.gather(
        images, lower, axis=1, batch_dims=1
    )


def blurred(images, deviation):
    """Square images after a Gaussian blur; outside, the border's pixels go on.

    Args:
        images: float `(batch, size, size, channels)`, size known.
        deviation: Standard deviation in pixels; 0 for none.
    """
    if deviation == 0:
        return images
    matrix = tf.constant(_blur_matrix(images.shape[1], deviation))
    return tf.einsum("iy,byxc,jx->bijc", matrix, images, matrix)


def _blur_matrix(size, deviation):
    """`(size, size)`: the weight of pixel j in the blurred pixel i."""
    reach = math.ceil(3 * deviation)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / deviation) ** 2)
    kernel /= kernel.sum()
    pixels = np.arange(size)[:, np.newaxis]
    matrix = np.zeros((size, size), np.float32)
    np.add.at(matrix, (pixels, np.clip(pixels + offsets, 0, size - 1)), kernel)
    return matrix


def draw_drops(seed, batch, size, *, count, radius, aspect, gain):
    """Draws drops with centres anywhere in the image.

    Returns:
        float `(batch, count, 5)`, as `add_drops` takes them.
    """
    places, radii, aspects, gains = tf.unstack(tf.random.split(seed, 4))
    shape = (batch, count, 1)
    return tf.concat(
        [
            tf.random.stateless_uniform((batch, count, 2), places, 0.0, float(size)),
            tf.random.stateless_uniform(shape, radii, *radius),
            tf.random.stateless_uniform(shape, aspects, *aspect),
            tf.random.stateless_uniform(shape, gains, *gain),
        ],
        axis=-1,
    )
