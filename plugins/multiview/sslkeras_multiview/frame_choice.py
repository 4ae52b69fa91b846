"""Which frames of a sequence are shown together."""

import tensorflow as tf


def aligned_pairs(seed, batch, num_views, num_frames, pairs, window):
    """Moments of each sequence and two different views for each of them.

    Args:
        seed: int32 `(2,)`.
        batch: Scalar, number of sequences.
        num_views: V >= 2.
        num_frames: T.
        pairs: P <= `window`: how many moments, no two of them alike.
        window: All moments lie in so many frames in a row, at a random place.

    Returns:
        int32 `(batch, P)` each: the moments, the first views and the second views.
    """
    for_start, for_times, for_views = tf.unstack(tf.random.split(seed, 3))
    window = min(window, num_frames)
    start = integers(for_start, [batch, 1], num_frames - window + 1)
    rank = tf.argsort(tf.random.stateless_uniform([batch, window], for_times), axis=1)
    times = start + rank[:, :pairs]
    first, second = tf.unstack(tf.random.split(for_views))
    view = integers(first, [batch, pairs], num_views)
    other = (view + 1 + integers(second, [batch, pairs], num_views - 1)) % num_views
    return times, view, other


def run_of_frames(seed, batch, num_frames, length):
    """int32 `(batch, length)`: moments in a row, from a random one on."""
    start = integers(seed, [batch, 1], num_frames - length + 1)
    return start + tf.range(length)


def triplets_in_time(seed, batch, num_frames, count, near, far):
    """Anchors, moments near to them and moments far from them.

    Args:
        seed: int32 `(2,)`.
        batch: Scalar, number of sequences.
        num_frames: T > `far` + 1, so that each moment has one far from it.
        count: Triplets of each sequence.
        near: Greatest distance of a positive in frames, >= 1.
        far: Distance in frames that every negative exceeds.

    Returns:
        int32 `(batch, count)` each.
    """
    for_anchor, for_near, for_far = tf.unstack(tf.random.split(seed, 3))
    shape = [batch, count]
    # Only what leaves room for a negative on at least one side.
    moments = tf.constant(
        [t for t in range(num_frames) if max(t, num_frames - 1 - t) > far], tf.int32
    )
    anchor = tf.gather(moments, integers(for_anchor, shape, len(moments)))
    distance = tf.abs(tf.range(num_frames) - anchor[..., tf.newaxis])
    positive = _one_of((distance > 0) & (distance <= near), for_near)
    negative = _one_of(distance > far, for_far)
    return anchor, positive, negative


def take_frames(views, view, times):
    """Frames `(batch, count, ...)` of `views` `(batch, V, T, ...)` at int32 `(batch, count)`."""
    batch, num_frames = tf.shape(views)[0], views.shape[2]
    flat = tf.reshape(views, tf.concat([[batch, -1], tf.shape(views)[3:]], axis=0))
    taken = tf.gather(flat, view * num_frames + times, batch_dims=1)
    return tf.ensure_shape(taken, [None, times.shape[1], *views.shape[3:]])


def integers(seed, shape, limit):
    """int32 of the given shape, uniform in [0, `limit`)."""
    return tf.random.stateless_uniform(shape, seed, 0, limit, tf.int32)


def _one_of(allowed, seed):
    """Index of one True along the last axis, each equally likely."""
    draws = tf.random.stateless_uniform(tf.shape(allowed), seed)
    return tf.argmax(tf.where(allowed, draws, -1.0), axis=-1, output_type=tf.int32)
