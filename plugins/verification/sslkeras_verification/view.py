"""The same crop and the same mirror for all frames of an example.

Frames that were cut out differently would tell which of them belong together.
"""

import tensorflow as tf


def take_frames(video, frames):
    """Frames of each clip.

    Args:
        video: `(batch, time, height, width, channels)`.
        frames: int32 `(batch, ...)`, indices of frames.

    Returns:
        `(batch, ..., height, width, channels)`.
    """
    return tf.gather(video, frames, axis=1, batch_dims=1)


def resize(frames, side):
    """Frames resized to `side` x `side` pixels, bilinearly; as they are if they have that size.

    Args:
        frames: float32 `(batch, frames, height, width, channels)`.
        side: Pixels.
    """
    height, width, channels = frames.shape[2:]
    if (height, width) == (side, side):
        return frames
    flat = tf.reshape(frames, [-1, height, width, channels])
    # Smoothed where it shrinks, or fine patterns would move in jumps.
    flat = tf.image.resize(flat, (side, side), antialias=True)
    return tf.reshape(flat, [-1, frames.shape[1], side, side, channels])


def crop(frames, corners, side, mirrored):
    """A square of each frame, mirrored where asked.

    Args:
        frames: `(batch, frames, height, width, channels)`.
        corners: int32 `(batch, frames, 2)`: row and column of each top left pixel.
        side: Pixels of the square.
        mirrored: bool `(batch,)`: whether all frames of an example are turned left to right.

    Returns:
        `(batch, frames, side, side, channels)`.
    """
    steps = tf.range(side)
    rows = corners[..., 0, tf.newaxis] + steps
    across = tf.where(mirrored[:, tf.newaxis], steps[::-1], steps)[:, tf.newaxis]
    columns = corners[..., 1, tf.newaxis] + across
    cut = tf.gather(frames, rows, axis=2, batch_dims=2)
    return tf.gather(cut, columns, axis=3, batch_dims=2)


def random_view(frames, seed, side, *, margin, mirror):
    """Frames of `side` pixels: resized to `side + margin`, then one crop and mirror an example.

    Args:
        frames: float32 `(batch, frames, height, width, channels)`.
        seed: int32 `(2,)`.
        side: Pixels of the result.
        margin: Pixels by which the crop can lie elsewhere.
        mirror: Whether every second example is mirrored.

    Returns:
        float32 `(batch, frames, side, side, channels)`.
    """
    frames = resize(frames, side + margin)
    if not margin and not mirror:
        return frames
    where, turned = tf.unstack(tf.random.split(seed))
    count = tf.shape(frames)[0]
    corner = tf.random.stateless_uniform([count, 1, 2], where, 0, margin + 1, tf.int32)
    mirrored = tf.random.stateless_uniform([count], turned) < (0.5 if mirror else 0.0)
    return crop(frames, tf.repeat(corner, frames.shape[1], axis=1), side, mirrored)
