"""Multinomial logistic regression to convergence, in little memory.

L-BFGS (J. Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", Mathematics of
Computation, 1980) in coordinates in which the Hessian at zero weights is the identity.
"""

import numpy as np
import tensorflow as tf
from scipy import linalg

from sslkeras.evaluation.moments import chunks, moments

# Iterations at most, pairs of steps and gradient changes that are remembered.
_MOST_ITERATIONS, _MEMORY = 1000, 12
# A matrix of features x features is factorised up to this many features.
_LARGEST_FACTOR = 4096
# By these shares, one after the other, its diagonal is raised until it can be.
_RAISED = (1e-5, 1e-3, 1e-1)
# Converged: another step would lower the loss of an example by less than that.
_TOLERANCE = 1e-7
# Of losses in that type a sum cannot be told from one that is smaller by this share. The sum
# itself is in float64, where most of the rounding of single losses cancels.
_NOISE = {np.float32: 2e-8, np.float64: 1e-13}


class Logistic:
    """Minimises, for one set of examples and any number of penalties,

        sum over examples of -log softmax(W x + b)[y]  +  l2 / 2 * ||W||^2

    to convergence, the bias `b` unpenalised. Each fit begins where the last one ended.

    The examples are held once, in float32. Passes over them are in float32 as long as the
    rounding is far below the progress made, then in float64, chunk by chunk. With more
    features than twice the examples the weights are sought in the span of the examples,
    where the minimum lies: the cost then depends on the examples alone.

    Args:
        features: `(examples, features)`: an array, or `Standardised` rows.
        truth: int `(examples,)`, two or more different values in [0, num_classes).
        num_classes: Classes in all; those that `truth` lacks score -infinity.
        note: Told in words if a fit did not converge.
    """

    def __init__(self, features, truth, num_classes, note=lambda text: None):
        self._num_classes, self._note = num_classes, note
        self._present, self._truth = np.unique(truth, return_inverse=True)
        # The bias makes up for the mean; without it the Hessian falls into two blocks.
        self._mean, self._basis, self._gram = moments(features)[0], None, None
        if 2 * len(features) <= features.shape[1]:
            features, self._basis = _in_span(features[:] - self._mean)
            self._rows = _Rows(features, np.zeros(features.shape[1]))
        else:
            self._rows = _Rows(features, self._mean)
        self._weights = np.zeros((self._rows.shape[1], len(self._present)))
        self._bias = np.zeros(len(self._present))

    def fit(self, l2):
        """Goes to the minimum for the penalty `l2`.

        Returns:
            A function from features `(examples, features)` to scores `(examples,
            num_classes)`: log probabilities up to a constant an example.
        """
        count, classes = len(self._rows), len(self._present)
        factor = self._factor(l2)
        # At zero weights all probabilities are 1 / classes.
        bias_scale = np.sqrt(classes / count)

        def unpack(point):
            point = point.reshape(-1, classes)
            return factor.solve(point[:-1]), point[-1] * bias_scale

        def objective(point, dtype):
            weights, bias = unpack(point)
            value, slope, bias_slope = cross_entropy(self._rows, self._truth, weights, bias, dtype)
            value += 0.5 * l2 * np.vdot(weights, weights)
            slope = factor.solve_transposed(slope + l2 * weights)
            return value, np.concatenate([slope, bias_scale * bias_slope[np.newaxis]]).ravel()

        start = np.concatenate(
            [factor.multiply(self._weights), self._bias[np.newaxis] / bias_scale]
        )
        # Small problems are solved more closely, as it costs nothing.
        tolerance = _TOLERANCE * count * min(1.0, np.prod(self._rows.shape) / 1e6)
        point, converged = _minimise(objective, start.ravel(), tolerance)
        if not converged:
            self._note(
                f"The linear probe did not converge in {_MOST_ITERATIONS} iterations; "
                "standardise=True or a larger l2 helps."
            )
        self._weights, self._bias = unpack(point)
        return self._scores()

    def _scores(self):
        weights = self._weights if self._basis is None else self._basis @ self._weights
        bias = self._bias - self._mean @ weights
        return linear_scores(weights, bias, self._present, self._num_classes)

    def _factor(self, l2):
        """Turns the weights so that the Hessian at zero weights becomes the identity."""
        width = self._rows.shape[1]
        if width > _LARGEST_FACTOR:
            power = sum(float(tf.nn.l2_loss(rows)) for rows in self._rows) * 2 / width
            return _Scale(np.sqrt(power / len(self._present) + l2))
        if self._gram is None:
            self._gram = np.zeros((width, width))
            for rows in self._rows:
                self._gram += tf.matmul(rows, rows, transpose_a=True).numpy()
        hessian = self._gram / len(self._present)
        diagonal = hessian.diagonal().copy()
        for share in _RAISED:
            # Products of float32 are off by a share of both features' lengths, which may leave
            # eigenvalues below zero. This only decides how straight the way is.
            hessian[np.diag_indices(width)] = (1.0 + share) * diagonal + l2
            try:
                return _Triangle(linalg.cholesky(hessian, lower=True))
            except linalg.LinAlgError:
                continue
        return _Scale(np.sqrt(diagonal.mean() + l2))


class _Rows:
    """float32 rows less their mean, held by TensorFlow in the chunks they are gone through in."""

    def __init__(self, features, mean):
        self.shape = features.shape
        # Never on an accelerator: it may be too small, and multiplies in less than float32.
        with tf.device("CPU:0"):
            self._parts = {
                part.start: tf.constant(features[part] - mean, tf.float32)
                for part in chunks(features)
            }

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, part):
        return self._parts[part.start]

    def __iter__(self):
        return iter(self._parts.values())


def cross_entropy(features, truth, weights, bias, dtype=np.float64):
    """Sum of -log softmax(W x + b)[y] over examples, and its gradients by W and b.

    Args:
        features: `(examples, features)`, sliced in `chunks`.
        truth: int `(examples,)`.
        weights: float64 `(features, classes)`.
        bias: float64 `(classes,)`.
        dtype: Of the products.

    Returns:
        A float and float64 arrays of the shapes of `weights` and `bias`.
    """
    value, slope, bias_slope = 0.0, np.zeros(weights.shape), np.zeros(bias.shape)
    with tf.device("CPU:0"):
        weights, bias = tf.constant(weights, dtype), tf.constant(bias, dtype)
        for part in chunks(features):
            rows = tf.cast(features[part], dtype)
            found = _COMPILED[dtype](rows, tf.constant(truth[part], tf.int32), weights, bias)
            value += float(found[0])
            slope += found[1].numpy()
            bias_slope += found[2].numpy()
    return value, slope, bias_slope


def _cross_entropy(rows, truth, weights, bias):
    """Sum of the losses in float64, and its gradients by `weights` and `bias`."""
    logits = tf.matmul(rows, weights) + bias
    losses, error = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=truth)
    slope = tf.matmul(rows, error, transpose_a=True)
    return tf.reduce_sum(tf.cast(losses, tf.float64)), slope, tf.reduce_sum(error, axis=0)


# Traced once for all shapes.
_COMPILED = {
    dtype: tf.function(
        _cross_entropy,
        input_signature=[
            tf.TensorSpec([None, None], dtype),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None], dtype),
            tf.TensorSpec([None], dtype),
        ],
    )
    for dtype in (np.float32, np.float64)
}


def linear_scores(weights, bias, present, num_classes):
    """A function from features `(examples, features)` to scores `(examples, num_classes)`.

    Args:
        weights: float64 `(features, classes)`.
        bias: float64 `(classes,)`.
        present: int `(classes,)`: which of all classes these are; the others score -infinity.
        num_classes: Classes in all.
    """

    def scores(rows):
        result = np.full((len(rows), num_classes), -np.inf)
        for part in chunks(rows):
            result[part, present] = np.asarray(rows[part], np.float64) @ weights + bias
        return result

    return scores


def fit_logistic(features, truth, l2, num_classes, note=lambda text: None):
    """One fit; see `Logistic` and its `fit`."""
    return Logistic(features, truth, num_classes, note).fit(l2)


class _Triangle:
    """weights = L^-T point, for a Hessian L L^T."""

    def __init__(self, lower):
        # Multiplied with at every step, which is much quicker than to solve.
        self._lower, self._inverse = lower, linalg.lapack.dtrtri(lower, lower=1)[0]

    def solve(self, point):
        return self._inverse.T @ point

    def solve_transposed(self, slope):
        return self._inverse @ slope

    def multiply(self, weights):
        return self._lower.T @ weights


class _Scale:
    """weights = point / scale, where there are too many features for a matrix of them."""

    def __init__(self, scale):
        self._scale = scale

    def solve(self, point):
        return point / self._scale

    solve_transposed = solve

    def multiply(self, weights):
        return weights * self._scale


def _in_span(rows):
    """Coordinates of the rows in an orthonormal basis of their span, and that basis.

    Returns:
        float32 `(rows, rank)` and float64 `(features, rank)`.
    """
    values, vectors = linalg.eigh(rows @ rows.T)
    kept = values > 1e-10 * max(values[-1], 1e-300)
    lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
    return (vectors * lengths).astype(np.float32), rows.T @ (vectors / lengths)


def _minimise(objective, point, tolerance):
    """Minimum of a convex function by L-BFGS.

    Args:
        objective: `(point, dtype) -> value, gradient`, computed in that dtype.
        point: float64 `(variables,)`.
        tolerance: Of what the next step would gain.

    Returns:
        The point, and whether it is within the tolerance.
    """
    dtype, steps, changes = np.float32, [], []
    value, slope = objective(point, dtype)
    for _ in range(_MOST_ITERATIONS):
        direction = _direction(slope, steps, changes)
        descent = np.vdot(direction, slope)
        noise = _NOISE[dtype] * abs(value)
        if dtype is np.float32 and -descent <= max(2 * tolerance, 20 * noise):
            dtype = np.float64
            value, slope = objective(point, dtype)
            continue
        if -descent <= 2 * tolerance:
            return point, True
        length = 1.0
        for _ in range(20):
            step = length * direction
            new_value, new_slope = objective(point + step, dtype)
            if new_value <= value + 1e-4 * length * descent + noise:
                break
            # The lowest point of the parabola through what is known, within bounds.
            bend = 2.0 * (new_value - value - length * descent)
            length *= float(np.clip(-length * descent / bend, 0.1, 0.5))
        else:
            if dtype is np.float64 and not steps:
                break
            # Rounding, or what was remembered, leads nowhere.
            dtype, steps, changes = np.float64, [], []
            value, slope = objective(point, dtype)
            continue
        change = new_slope - slope
        if np.vdot(step, change) > 1e-12 * np.vdot(step, step):
            steps, changes = [*steps, step][-_MEMORY:], [*changes, change][-_MEMORY:]
        point, value, slope = point + step, new_value, new_slope
    return point, False


def _direction(slope, steps, changes):
    """Minus the gradient times the remembered inverse Hessian (two-loop recursion)."""
    direction, shares = -slope, []
    scales = [1.0 / np.vdot(step, change) for step, change in zip(steps, changes)]
    for step, change, scale in zip(steps[::-1], changes[::-1], scales[::-1]):
        shares.append(scale * np.vdot(step, direction))
        direction = direction - shares[-1] * change
    if steps:
        direction = direction / (scales[-1] * np.vdot(changes[-1], changes[-1]))
    for step, change, scale, share in zip(steps, changes, scales, shares[::-1]):
        direction = direction + (share - scale * np.vdot(change, direction)) * step
    return direction
