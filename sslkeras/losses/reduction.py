"""Means over the global batch, the same on one replica as on many.

On several replicas gradients are summed. So each replica returns its share of the
global loss, and the shares add up to what one replica would have computed.
"""

import tensorflow as tf


def num_replicas() -> int:
    """How many replicas share the global batch in the current strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def gather(values):
    """`values` of all replicas, one after another along the first axis.

    A gradient flows back to the rows of each replica: the sum of what all replicas ask for.
    All replicas must hold equally many rows.

    Args:
        values: `(rows, ...)` of this replica.

    Returns:
        `(rows * number of replicas, ...)`, the same on each replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_gather(values, axis=0)


def global_mean(values, weights=None):
    """This replica's share of the mean over the global batch.

    All replicas must hold equally many examples, as in training. An empty batch gives 0.

    Args:
        values: float `(batch, ...)`.
        weights: float, broadcastable to `values` from the left, or None. They scale the
            values; the mean is still over all values, as `sum_over_batch_size` in Keras.

    Returns:
        Scalar: `sum(values * weights) / (number of values * number of replicas)`.
    """
    if weights is not None:
        weights = tf.cast(weights, values.dtype)
        missing = values.shape.rank - weights.shape.rank
        values = values * tf.reshape(
            weights, tf.concat([tf.shape(weights), tf.ones([missing], tf.int32)], axis=0)
        )
    count = tf.cast(tf.size(values), values.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(values), count) / num_replicas()


def global_ratio(numerator, denominator):
    """This replica's share of a ratio of sums over the global batch.

    For losses whose denominator differs between replicas, such as the number of masked
    positions: the mean of the replicas' ratios would weigh them wrongly.

    Args:
        numerator: Scalar, this replica's sum.
        denominator: Scalar, this replica's sum; no gradient flows through it.

    Returns:
        Scalar: `numerator / sum over replicas of denominator`, 0 where that is 0.
    """
    denominator = tf.stop_gradient(denominator)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        denominator = context.all_reduce(tf.distribute.ReduceOp.SUM, denominator)
    return tf.math.divide_no_nan(numerator, denominator)
