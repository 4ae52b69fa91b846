"""Random changes of frames: scale, brightness and saturation, each frame in its own way."""

import tensorflow as tf

from sslkeras.augmentation import colour_jitter
from sslkeras.augmentation.separable import apply_separable


def changed_frames(frames, seed, *, size, min_area, max_scale, brightness, saturation):
    """Frames of the size that the network takes, changed at random.

    A frame is either cut, a central box of `min_area` to all of its area, or set at a
    random place into a black canvas with sides up to `max_scale` times its own, each with
    probability 1/2 where both are asked for. Then brightness is added and saturation changed.

    Args:
        frames: float32 `(batch, count, height, width, channels)` in [0, 1].
        seed: int32 `(2,)`.
        size: Side of the result in pixels.
        min_area: Least share of the area that a cut leaves, in (0, 1]; 1 for no cuts.
        max_scale: Greatest side of the canvas, >= 1; 1 for none.
        brightness: Greatest change of brightness, in [0, 1].
        saturation: Greatest change of saturation, in [0, 1].

    Returns:
        float32 `(batch, count, size, size, channels)` in [0, 1].
    """
    count, shape = frames.shape[1], frames.shape[2:]
    images = tf.ensure_shape(tf.reshape(frames, [-1, *shape]), [None, *shape])
    for_boxes, for_brightness, for_saturation = tf.unstack(tf.random.split(seed, 3))
    if min_area < 1 or max_scale > 1 or tuple(shape[:2]) != (size, size):
        boxes = random_boxes(for_boxes, tf.shape(images)[0], min_area, max_scale)
        top, left, bottom, right = tf.unstack(boxes, axis=1)
        images = apply_separable(
            images, _bilinear(top, bottom, shape[0], size), _bilinear(left, right, shape[1], size)
        )
    if brightness:
        shift = tf.random.stateless_uniform(
            [tf.shape(images)[0], 1, 1, 1], for_brightness, -brightness, brightness
        )
        images = tf.clip_by_value(images + shift, 0.0, 1.0)
    if saturation and shape[-1] == 3:
        images = colour_jitter(
            images, for_saturation, brightness=0.0, contrast=0.0, saturation=saturation, hue=0.0
        )
    return tf.reshape(images, [-1, count, size, size, shape[-1]])


def random_boxes(seed, count, min_area, max_scale):
    """float32 `(count, 4)`: top, left, bottom, right; the image is [0, 1] x [0, 1]."""
    draws = tf.random.stateless_uniform([4, count], seed)
    cut = tf.sqrt(min_area + (1 - min_area) * draws[0])
    canvas = 1 + (max_scale - 1) * draws[0]
    share_of_cuts = 1.0 if max_scale == 1 else 0.0 if min_area == 1 else 0.5
    cuts = draws[1] < share_of_cuts
    side = tf.where(cuts, cut, canvas)
    # A cut lies in the middle; a canvas anywhere around the image.
    top, left = (tf.where(cuts, 0.5, draw) * (1 - side) for draw in (draws[2], draws[3]))
    return tf.stack([top, left, top + side, left + side], axis=1)


def _bilinear(low, high, old, new):
    """Matrices `(batch, new, old)` from `old` pixels to `new` in [low, high]; 0 outside [0, 1]."""
    share = (tf.range(new, dtype=tf.float32) + 0.5) / new
    place = low[:, tf.newaxis] + share * (high - low)[:, tf.newaxis]
    inside = tf.cast((place >= 0) & (place <= 1), tf.float32)
    # The outermost pixels reach to the border.
    centre = tf.clip_by_value(place * old - 0.5, 0.0, float(old - 1))
    distance = tf.abs(centre[..., tf.newaxis] - tf.range(old, dtype=tf.float32))
    return tf.nn.relu(1.0 - distance) * inside[..., tf.newaxis]
