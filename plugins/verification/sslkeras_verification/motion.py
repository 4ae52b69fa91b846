"""How much moves in each frame, and choosing frames and places where it does.

Tasks that ask for the order of frames have no answer where nothing moves, so that what
they cut out is drawn in proportion to motion.
"""

import tensorflow as tf

from sslkeras.hyperparameters import Choice

# What `motion_source` of a task may be.
FEATURE, FRAME_DIFFERENCE = "feature", "frame_difference"


def motion_source(without):
    """The constraint of a task's argument `motion_source`; `without` names doing without."""
    return Choice(FEATURE, FRAME_DIFFERENCE, without)


def motion_maps(batch, source):
    """Motion at each pixel from each frame to the next one.

    Args:
        batch: Raw float batch with `video`, `(batch, time, height, width, channels)`, and for
            `source="feature"` with `flow`, (dx, dy) in pixels, `(batch, time - 1, height,
            width, 2)`; a flow for the last frame is left out.
        source: "feature": the length of the flow. "frame_difference": the absolute
            difference of successive grey frames (the mean of the channels), a proxy that
            needs no flow. Anything else: the same motion everywhere.

    Returns:
        float32 `(batch, time - 1, height, width)`, >= 0.
    """
    video = batch["video"]
    if source == FEATURE:
        return tf.norm(batch["flow"][:, : video.shape[1] - 1], axis=-1)
    if source == FRAME_DIFFERENCE:
        grey = tf.reduce_mean(video, axis=-1)
        return tf.abs(grey[:, 1:] - grey[:, :-1])
    return tf.ones_like(video[:, 1:, ..., 0])


def frame_motion(maps):
    """Mean motion of each frame, float32 `(batch, time - 1)`, from `motion_maps`."""
    return tf.reduce_mean(maps, axis=(2, 3))


def window_sums(values, length):
    """Sums over all windows of `length` successive values.

    Args:
        values: float `(batch, values)`, >= 0.
        length: Values in a window, 1 to their number.

    Returns:
        float `(batch, values - length + 1)`, >= 0.
    """
    sums = tf.pad(tf.cumsum(values, axis=1), [[0, 0], [1, 0]])
    # Differences of sums round: what is 0 must not become less.
    return tf.maximum(sums[:, length:] - sums[:, : sums.shape[1] - length], 0.0)


def area_sums(values, height, width):
    """Sums over all windows of `height` x `width` values.

    Args:
        values: float `(batch, rows, columns)`, >= 0.
        height, width: Size of a window.

    Returns:
        float `(batch, rows - height + 1, columns - width + 1)`, >= 0.
    """
    sums = tf.cumsum(tf.cumsum(values, axis=1), axis=2)
    sums = tf.pad(sums, [[0, 0], [1, 0], [1, 0]])
    rows = sums[:, height:] - sums[:, : tf.shape(sums)[1] - height]
    return tf.maximum(rows[..., width:] - rows[..., : tf.shape(sums)[2] - width], 0.0)


def draw_index(weights, uniform):
    """Draws an index in proportion to weights.

    Args:
        weights: float `(batch, n)`, >= 0. Where all are 0 each index is equally likely.
        uniform: float `(batch, ...)` in [0, 1).

    Returns:
        int32 of the shape of `uniform`, each in [0, n).
    """
    total = tf.reduce_sum(weights, axis=1, keepdims=True)
    bounds = tf.cumsum(tf.where(total > 0, weights, tf.ones_like(weights)), axis=1)
    flat = tf.reshape(uniform, [tf.shape(weights)[0], -1])
    index = tf.searchsorted(bounds, flat * bounds[:, -1:], side="right")
    index = tf.minimum(index, tf.shape(weights)[1] - 1)
    return tf.reshape(index, tf.shape(uniform))


def uniform_integers(uniform, low, high):
    """int32 from `low` to `high`, both included, from `uniform` in [0, 1).

    Args:
        uniform: float32 of any shape.
        low, high: int32, broadcastable to it, low <= high.
    """
    count = tf.cast(high - low + 1, tf.float32)
    # Of a large range the product may round up to its end.
    return tf.minimum(low + tf.cast(uniform * count, tf.int32), high)
