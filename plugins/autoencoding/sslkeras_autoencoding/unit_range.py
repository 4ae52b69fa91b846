"""Pixels in [0, 1], where a loss or a noise needs them there."""

import itertools

import tensorflow as tf

from sslkeras.errors import DataError


def require_unit_range(images, why):
    """Returns `images`, which must lie in [0, 1].

    Args:
        images: float tensor.
        why: What needs the range, e.g. "loss='bce'"; part of the message.

    Raises:
        DataError: If a value lies outside. In a graph, which can raise nothing of ours, a
            `tf.errors.InvalidArgumentError` with the same words.
    """
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    rule = f"Pixels must lie in [0, 1] for {why}. Scale the images or choose loss='sse'."
    if tf.executing_eagerly():
        if not (low >= 0 and high <= 1):
            raise DataError(f"{rule} Received: values from {float(low)} to {float(high)}.")
        return images
    inside = tf.logical_and(low >= 0, high <= 1)
    with tf.control_dependencies([tf.debugging.Assert(inside, [rule, low, high])]):
        return tf.identity(images)


def check_first_batches(batches, why, count=8):
    """Raises `DataError` before the first step if early batches leave [0, 1]."""
    for batch in itertools.islice(batches, count):
        require_unit_range(batch["image"], why)
