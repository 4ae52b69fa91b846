"""Gradients of some rows of a table, which are never made as large as the table."""

import keras
import tensorflow as tf

# What makes plain gradient descent another method, by name of the optimizer's attribute.
_BESIDES = ("momentum", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema")


def is_sparse(gradient) -> bool:
    """Whether a gradient is `tf.IndexedSlices`: rows and where they belong."""
    return isinstance(gradient, tf.IndexedSlices)


def with_each_row_once(gradient):
    """Adds up the rows that belong to the same place; other gradients as they are."""
    if not is_sparse(gradient):
        return gradient
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.shape(rows)[0])
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def clipped_by_global_norm(gradients, norm):
    """`tf.clip_by_global_norm`, for which a row that comes in several parts is their sum."""
    clipped, _ = tf.clip_by_global_norm([with_each_row_once(one) for one in gradients], norm)
    return clipped


def is_plain_descent(optimizer) -> bool:
    """Whether an optimizer does nothing but w <- w - learning_rate * gradient."""
    if not isinstance(optimizer, keras.optimizers.SGD):
        return False
    return not any(getattr(optimizer, name, None) for name in _BESIDES)


def descend(optimizer, pairs):
    """One update of an optimizer of `is_plain_descent`, on one replica.

    The rows of a sparse gradient are subtracted as they come. The optimizer itself would first
    add up those that belong to the same place, which takes several times as long and gives the
    same sum.

    Args:
        optimizer: Keras's SGD.
        pairs: List of `(gradient, variable)`.
    """
    by_rows = [(g, v) for g, v in pairs if is_sparse(g) and v.constraint is None]
    whole = [(g, v) for g, v in pairs if not is_sparse(g) or v.constraint is not None]
    # Also sets the rate of this update by the schedule, if there is one.
    optimizer.apply_gradients(whole, skip_gradients_aggregation=True)
    for gradient, variable in by_rows:
        rate = tf.cast(optimizer.learning_rate, gradient.dtype)
        variable.scatter_sub(tf.IndexedSlices(rate * gradient.values, gradient.indices))
    if not whole:
        # What has nothing to apply does not count it.
        optimizer.iterations.assign_add(1)


class GradientSum:
    """The sum of the gradients of several slices of a batch, inside `tf.while_loop`.

    Dense gradients are added up. The rows of sparse ones are put one behind the other.

    Args:
        gradients: Those of the first slice; None for a variable without one.
        slices: Number of slices.
    """

    def __init__(self, gradients, slices):
        self._slices = slices
        self._first = list(gradients)

    def start(self):
        """The state of the loop with the first slice in it."""
        return [
            self._written(self._arrays(one), 0, one) if is_sparse(one) else one
            for one in self._first
            if one is not None
        ]

    def add(self, state, number, gradients):
        """The state with slice `number` in it."""
        gradients = [one for one in gradients if one is not None]
        return [
            self._written(of, number, one) if is_sparse(one) else of + one
            for of, one in zip(state, gradients)
        ]

    def result(self, state):
        """The gradients as the first slice's were."""
        state = iter(state)
        return [None if one is None else self._joined(next(state), one) for one in self._first]

    def _arrays(self, first):
        def array(tensor):
            # Slices may have different numbers of rows.
            shape = tf.TensorShape([None, *tensor.shape[1:]])
            return tf.TensorArray(
                tensor.dtype, self._slices, infer_shape=False, element_shape=shape
            )

        return array(first.values), array(first.indices)

    def _written(self, arrays, number, gradient):
        values, indices = arrays
        return values.write(number, gradient.values), indices.write(number, gradient.indices)

    def _joined(self, state, first):
        if not is_sparse(first):
            return state
        values, indices = (array.concat() for array in state)
        return tf.IndexedSlices(values, indices, first.dense_shape)
