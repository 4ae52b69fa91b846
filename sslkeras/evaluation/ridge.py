"""Ridge regression of several numbers, chunk by chunk."""

import numpy as np
from scipy import linalg

from sslkeras.evaluation.moments import chunks, moments


def fit_ridge(features, targets, l2):
    """Minimises the squared errors of W x + b plus l2 ||W||^2, the bias unpenalised.

    The normal equations are summed over chunks of examples; with fewer examples than features
    those between examples are solved instead.

    Args:
        features: `(examples, features)`.
        targets: `(examples, numbers)`.
        l2: Weight of the penalty.

    Returns:
        A function from features to predictions, float64 `(examples, numbers)`.
    """
    mean, level = moments(features)[0], targets.mean(axis=0, dtype=np.float64)
    count, width = features.shape
    if count < width:
        rows = np.asarray(features[:], np.float64) - mean
        system = rows @ rows.T
        system[np.diag_indices(count)] += l2
        weights = rows.T @ linalg.solve(system, targets - level, assume_a="pos")
    else:
        system, right = np.zeros((width, width)), np.zeros((width, targets.shape[1]))
        for part in chunks(features):
            rows = np.asarray(features[part], np.float64) - mean
            system += rows.T @ rows
            right += rows.T @ (targets[part] - level)
        system[np.diag_indices(width)] += l2
        weights = linalg.solve(system, right, assume_a="pos")
    bias = level - mean @ weights

    def predict(rows):
        result = np.empty((len(rows), targets.shape[1]))
        for part in chunks(rows):
            result[part] = np.asarray(rows[part], np.float64) @ weights + bias
        return result

    return predict
