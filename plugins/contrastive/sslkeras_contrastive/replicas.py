"""What the replicas of a step tell each other."""

import tensorflow as tf

from sslkeras import losses


def gather(values):
    """`values` of all replicas, one after another along the first axis, without a gradient."""
    return losses.gather(tf.stop_gradient(values))


def own_part(values, size):
    """This replica's `size` rows of gathered `values`."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    start = context.replica_id_in_sync_group * size
    return values[start : start + size]


def update_everywhere(variable_update, variables, *values):
    """Updates each replica's copy of `variables` with what that replica computed.

    Weights that no optimizer moves cannot be assigned in a replica otherwise. All replicas
    must compute the same values.

    Args:
        variable_update: `variable_update(variable, *values)` on one copy.
        variables: List of variables.
        *values: Lists of tensors, each as long as `variables`.
    """

    def update(strategy, *values):
        for variable, *given in zip(variables, *values):
            strategy.extended.update(variable, variable_update, args=tuple(given))

    tf.distribute.get_replica_context().merge_call(update, args=values)
