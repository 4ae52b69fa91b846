"""Batch normalisation over groups of one batch, as over several devices."""

import tensorflow as tf


def encode_in_groups(encode, images, groups, statistics):
    """`encode(images)`, each group of neighbours in the batch normalised by itself.

    Moving statistics take one step, with the mean over the groups, as if each group had
    been on a device of its own.

    Args:
        encode: Images to `(images, features)`; updates `statistics` in training mode.
        images: `(batch, ...)`.
        groups: How many, >= 1; they divide the batch.
        statistics: The variables that hold moving statistics.

    Returns:
        `(batch, features)`.
    """
    if groups == 1:
        return encode(images)
    before = [variable.read_value() for variable in statistics]
    encoded, sums = [], [tf.zeros_like(value) for value in before]
    for part in tf.split(images, groups):
        for variable, value in zip(statistics, before):
            variable.assign(value)
        encoded.append(encode(part))
        sums = [total + variable.read_value() for total, variable in zip(sums, statistics)]
    for variable, total in zip(statistics, sums):
        variable.assign(total / groups)
    return tf.concat(encoded, axis=0)
