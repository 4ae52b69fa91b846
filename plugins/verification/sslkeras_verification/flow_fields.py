"""Displacement fields of clips: turning them round, and taking out the camera's motion.

A field is float `(height, width, 2)`, the displacement (u, v) = (dx, dy) of each pixel in pixels
a frame.
"""

import tensorflow as tf

# Pixels along each axis on which the camera's motion is estimated.
_SAMPLES = 32
# Of the affine fit: rounds of reweighting, and the deviation in pixels that halves a weight.
_ROUNDS, _SCALE = 4, 0.5


def negate(fields):
    """The fields of the reversed clip, if everything moved by whole translations.

    The last becomes the first and each is negated. Of other motion it is an approximation: a
    displacement belongs to a pixel of the frame where it begins.

    Args:
        fields: `(batch, time, height, width, 2)`.
    """
    return -fields[:, ::-1]


def mirror(fields, mirrored):
    """Negates u where a clip's columns are mirrored; the columns themselves stay.

    Args:
        fields: `(batch, time, height, width, 2)`.
        mirrored: bool `(batch,)`.
    """
    sign = tf.where(mirrored, -1.0, 1.0)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.stack([fields[..., 0] * sign, fields[..., 1]], axis=-1)


def in_groups(fields, num_groups):
    """Stacks of successive fields, `(batch, groups, height, width, time / groups * channels)`.

    Channels are u and v of the first field of the group, then of the second, and so on.

    Args:
        fields: `(batch, time, height, width, channels)`, the time a multiple of `num_groups`.
        num_groups: Number of groups.
    """
    _, time, height, width, channels = fields.shape
    length = time // num_groups
    shape = [-1, num_groups, length, height, width, channels]
    groups = tf.transpose(tf.reshape(fields, shape), [0, 1, 3, 4, 2, 5])
    return tf.reshape(groups, [-1, num_groups, height, width, length * channels])


def without_camera(fields, how, visible=None):
    """Fields less the motion of the camera, estimated in each field by itself.

    An approximation of warping each frame onto the middle one: what the camera adds is taken
    out of the displacements, and the pixels stay where they are.

    Args:
        fields: float32 `(batch, time, height, width, 2)`.
        how: "none"; "median": the median of u and of v, which is right for pans as long as
            less than half of the picture moves by itself; "affine": a robust affine
            fit, which also follows zooms and turns.
        visible: bool `(batch, height, width)`: pixels that count; None for all.
    """
    if how == "none":
        return fields
    # Sizes may be known only when it runs: encoders take clips of any size.
    height, width = tf.unstack(tf.shape(fields)[2:4])
    rows, columns = _samples(height), _samples(width)
    some = tf.gather(tf.gather(fields, rows, axis=2), columns, axis=3)
    count, pixels = tf.shape(some)[0], tf.size(rows) * tf.size(columns)
    if visible is None:
        seen = tf.ones([count, 1, pixels, 1], tf.bool)
    else:
        seen = tf.gather(tf.gather(visible, rows, axis=1), columns, axis=2)
        seen = tf.reshape(seen, [count, 1, pixels, 1])
    values = tf.reshape(some, [count, fields.shape[1], pixels, 2])
    if how == "median":
        return fields - _median(values, seen)[..., tf.newaxis, tf.newaxis, :]
    places = _places(rows, columns, height, width)
    solution = _affine(values, tf.cast(seen, tf.float32), places)
    everywhere = _places(tf.range(height), tf.range(width), height, width)
    camera = tf.einsum("pk,btkc->btpc", everywhere, solution)
    return fields - tf.reshape(camera, tf.shape(fields))


def _samples(size):
    """int32 indices of pixels, evenly spaced over an axis of `size`."""
    count = tf.minimum(size, _SAMPLES)
    return (2 * tf.range(count) + 1) * size // (2 * count)


def _median(values, seen):
    """`(batch, time, 2)`: the median over the pixels that are seen, 0 where none is."""
    count = tf.reduce_sum(tf.cast(seen[:, 0, :, 0], tf.int32), axis=1)
    ordered = tf.sort(tf.where(seen, values, values.dtype.max), axis=2)
    middle = tf.stack([tf.maximum(count - 1, 0) // 2, count // 2], axis=1)  # (batch, 2)
    both = tf.gather(ordered, tf.minimum(middle, tf.shape(values)[2] - 1), axis=2, batch_dims=1)
    median = tf.reduce_mean(tf.reshape(both, [-1, *values.shape[1:2], 2, 2]), axis=2)
    return tf.where(count[:, tf.newaxis, tf.newaxis] > 0, median, 0.0)


def _places(rows, columns, height, width):
    """float32 `(pixels, 3)`: 1, row and column, the last two from -1 to 1."""
    y = 2 * (tf.cast(rows, tf.float32) + 0.5) / tf.cast(height, tf.float32) - 1
    x = 2 * (tf.cast(columns, tf.float32) + 0.5) / tf.cast(width, tf.float32) - 1
    y, x = tf.meshgrid(y, x, indexing="ij")
    return tf.reshape(tf.stack([tf.ones_like(y), y, x], axis=-1), [-1, 3])


def _affine(values, seen, places):
    """`(batch, time, 3, 2)`: least squares, reweighted so that what moves by itself counts less."""
    weights = seen * tf.ones_like(values[..., :1])
    ridge = 1e-4 * tf.eye(3)
    for _ in range(_ROUNDS):
        weighted = weights * places  # (batch, time, pixels, 3)
        normal = tf.einsum("btpk,pl->btkl", weighted, places) + ridge
        solution = tf.linalg.solve(normal, tf.einsum("btpk,btpc->btkc", weighted, values))
        errors = values - tf.einsum("pk,btkc->btpc", places, solution)
        squared = tf.reduce_sum(tf.square(errors), axis=-1, keepdims=True)
        weights = seen / (1.0 + squared / _SCALE**2)
    return solution
