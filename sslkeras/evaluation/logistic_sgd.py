"""Multinomial logistic regression by gradient steps on batches, for what memory cannot hold.

Steps are taken in the metric of the bound on the Hessian of D. Böhning, "Multinomial
logistic regression algorithm", Annals of the Institute of Statistical Mathematics, 1992.
"""

import concurrent.futures

import keras
import numpy as np
import tensorflow as tf

from sslkeras.evaluation.logistic import cross_entropy, linear_scores

_MOMENTUM = 0.9
_LEAST_STEPS = 200
# The metric is a matrix up to that many features, measured on that many examples a feature.
_LARGEST_METRIC, _EXAMPLES_A_FEATURE, _LEAST_EXAMPLES = 4096, 16, 4096
# Another step could still lower the loss of an example by that much: not converged.
_TOLERANCE = 1e-3


def fit_logistic_sgd(features, truth, l2, num_classes, *, epochs, batch_size, seed, strategy, note):
    """Minimises what `sslkeras.evaluation.logistic.Logistic` does, on one batch at a time.

    A Keras `Dense` layer starts at zero. With the gradient g of a batch and the second moments
    M of the features (a one added for the bias) it takes Nesterov's steps along

        (M / 2 + l2 / examples)^-1 g

    where M / 2 bounds the Hessian wherever the weights are, so that correlated features of
    unequal scales need no more steps than others. The learning rate falls to 0 by a cosine.

    Args:
        features: `(examples, features)`; rows are read batch by batch.
        truth: int `(examples,)`, two or more different values in [0, num_classes).
        l2: Weight of the penalty.
        num_classes: Classes in all; those that `truth` lacks score -infinity.
        epochs: Passes over the examples; at least 200 steps are made.
        batch_size: Examples in a step, over all replicas; a multiple of their number is used.
        seed: Of the order.
        strategy: `tf.distribute.Strategy` whose replicas share each batch.
        note: Told in words if the fit did not converge.

    Returns:
        A function from features `(examples, features)` to scores `(examples, num_classes)`.
    """
    present, truth = np.unique(truth, return_inverse=True)
    count, width = features.shape
    replicas = strategy.num_replicas_in_sync
    batch_size = max(replicas, min(batch_size, count) // replicas * replicas)
    steps = max(_LEAST_STEPS, -(-epochs * count // batch_size))
    metric = _Metric(features, l2 / count)
    # A batch bends up to that much more than all examples do.
    rate = 1.0 / (1.0 + np.sqrt((width + 1) / batch_size)) ** 2
    with strategy.scope():
        dense = keras.layers.Dense(len(present), kernel_initializer="zeros", dtype="float32")
        dense.build((None, width))
        # jit_compile=False: XLA compiles small updates for longer than they take.
        optimizer = keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(rate, steps),
            momentum=_MOMENTUM,
            nesterov=True,
            jit_compile=False,
        )
        optimizer.build(dense.trainable_variables)
    inverse = tf.constant(metric.inverse, tf.float32)

    def replica_step(rows, classes):
        kernel, bias = dense.trainable_variables
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, dense(rows))
            loss = tf.reduce_sum(losses) / batch_size
        gradients = tape.gradient(loss, [kernel, bias])
        context = tf.distribute.get_replica_context()
        slope, bias_slope = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        slope = tf.concat([slope + l2 / count * kernel, bias_slope[tf.newaxis]], axis=0)
        slope = metric.scale(inverse, slope)
        pairs = [(slope[:-1], kernel), (slope[-1], bias)]
        optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)

    @tf.function(
        input_signature=None
        if replicas > 1
        else [
            tf.TensorSpec([batch_size, width], tf.float32),
            tf.TensorSpec([batch_size], tf.int64),
        ]
    )
    def step(rows, classes):
        strategy.run(replica_step, args=(rows, classes))

    part = batch_size // replicas

    def shared(values):
        if replicas == 1:
            return tf.constant(values)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                values[
                    context.replica_id_in_sync_group * part : (context.replica_id_in_sync_group + 1)
                    * part
                ]
            )
        )

    for rows, classes in _batches(features, truth, batch_size, steps, seed):
        step(shared(rows), shared(classes))

    kernel, bias = (variable.numpy().astype(np.float64) for variable in dense.trainable_variables)
    _, slope, bias_slope = cross_entropy(features, truth, kernel, bias, np.float32)
    slope = np.concatenate([slope + l2 * kernel, bias_slope[np.newaxis]]) / count
    gain = 0.5 * float((slope * metric.scale(metric.inverse, slope)).sum())
    if gain > _TOLERANCE:
        note(
            f"The linear probe did not converge in {steps} steps of {batch_size} examples: another "
            f"step would lower the loss by {gain:.2g}. More `epochs` or a larger l2 help."
        )
    return linear_scores(kernel, bias, present, num_classes)


class _Metric:
    """The inverse of the bound on the Hessian of the mean loss.

    Attributes:
        inverse: `(features + 1, features + 1)`, or a number where that would be too large.
    """

    def __init__(self, features, penalty):
        count, width = features.shape
        if width <= _LARGEST_METRIC:
            wanted = max(_LEAST_EXAMPLES, _EXAMPLES_A_FEATURE * width)
        else:
            wanted = _LEAST_EXAMPLES
        chosen = np.linspace(0, count - 1, min(count, wanted)).astype(np.int64)
        if width > _LARGEST_METRIC:
            rows = np.asarray(features[chosen], np.float32)
            self.inverse = 1.0 / (0.5 * max(1.0, _largest_moment(rows)) + penalty)
            return
        bound = np.zeros((width + 1, width + 1))
        for start in range(0, len(chosen), 1024):
            rows = np.asarray(features[chosen[start : start + 1024]], np.float64)
            rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
            bound += rows.T @ rows
        bound *= 0.5 / len(chosen)
        bound[np.diag_indices(width + 1)] += 1e-6 * np.trace(bound) / (width + 1)
        bound[np.diag_indices(width)] += penalty
        self.inverse = np.linalg.inv(bound)

    def scale(self, inverse, slope):
        return inverse @ slope if len(np.shape(inverse)) else inverse * slope


def _largest_moment(rows):
    """Largest eigenvalue of the second moments of the rows, by power iteration."""
    vector = np.ones(rows.shape[1], np.float32)
    value = 0.0
    for _ in range(50):
        vector = vector / max(np.linalg.norm(vector), 1e-30)
        vector = rows.T @ (rows @ vector) / len(rows)
        value = float(np.linalg.norm(vector))
    return 1.1 * value  # It comes from below.


def _batches(features, truth, size, steps, seed):
    """Yields float32 rows and their classes; the next batch is read meanwhile."""

    def read(chosen):
        # In the order of the file, which a disk reads faster.
        chosen = np.sort(chosen)
        return np.asarray(features[chosen], np.float32), truth[chosen].astype(np.int64)

    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        waiting = None
        for chosen in _shuffled(len(truth), size, steps, seed):
            following = reader.submit(read, chosen)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        yield waiting.result()


def _shuffled(count, size, steps, seed):
    """Yields `steps` arrays of `size` indices: passes over [0, count), each in a new order."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(count)
    for _ in range(steps):
        while len(order) < size:
            order = np.concatenate([order, generator.permutation(count)])
        yield order[:size]
        order = order[size:]
