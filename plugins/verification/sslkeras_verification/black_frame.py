"""Black bars around the picture of a video.

Compression leaves traces in them that change with time, so that they tell the direction in
which a video is played although nothing is seen there.
"""

import tensorflow as tf

_FRAMES = 5


def visible_parts(video, threshold):
    """Which rows and columns of each clip are not part of a black frame around it.

    Rows and columns at the edges belong to the frame as long as their mean over all
    channels stays below `threshold` in each of five frames evenly spaced over the clip.

    Args:
        video: float32 `(batch, time, height, width, channels)` in [0, 1].
        threshold: In [0, 1).

    Returns:
        bool `(batch, height)` and `(batch, width)`.
    """
    last = video.shape[1] - 1
    numbers = sorted({round(last * number / (_FRAMES - 1)) for number in range(_FRAMES)})
    frames = tf.gather(video, numbers, axis=1)
    rows = tf.reduce_max(tf.reduce_mean(frames, axis=(3, 4)), axis=1) < threshold
    columns = tf.reduce_max(tf.reduce_mean(frames, axis=(2, 4)), axis=1) < threshold
    return ~_at_the_edges(rows), ~_at_the_edges(columns)


def visible_pixels(video, threshold, margin=0):
    """bool `(batch, height, width)`: pixels not in a black frame nor within `margin` of it."""
    rows, columns = (_shrunk(part, margin) for part in visible_parts(video, threshold))
    return rows[:, :, tf.newaxis] & columns[:, tf.newaxis]


def _at_the_edges(dark):
    """The unbroken runs of `dark` at both ends of the last axis."""
    run = tf.cast(dark, tf.int32)
    leading = tf.math.cumprod(run, axis=-1)
    trailing = tf.math.cumprod(run, axis=-1, reverse=True)
    return (leading + trailing) > 0


def _shrunk(visible, margin):
    if not margin:
        return visible
    hidden = 1.0 - tf.cast(visible, tf.float32)
    near = tf.nn.max_pool1d(hidden[..., tf.newaxis], 2 * margin + 1, 1, "SAME")
    return near[..., 0] < 0.5
