"""Nearest neighbours by Euclidean distance: exact, chunked matrix products."""

import numpy as np
import tensorflow as tf

# Distances held at a time: 2^23 float64 are 64 MB.
_CHUNK = 2**23


def nearest(queries, bank, k=1):
    """The `k` nearest rows of `bank` of each query.

    Args:
        queries: `(queries, features)`.
        bank: `(bank, features)`.
        k: At most the size of the bank.

    Returns:
        Distances float64 `(queries, k)`, increasing, and indices int64 `(queries, k)`. Of
        equal distances the row that comes first in the bank comes first.
    """
    distances = np.empty((len(queries), k))
    indices = np.empty((len(queries), k), np.int64)
    for rows, squared in squared_distances(queries, bank):
        if k == 1:  # argmin takes the first of equals, as top_k does.
            found = squared.argmin(axis=1)[:, np.newaxis]
        else:
            found = tf.math.top_k(-squared, k).indices.numpy()
        indices[rows] = found
        distances[rows] = np.sqrt(np.take_along_axis(squared, found, axis=1))
    return distances, indices


def squared_distances(queries, bank):
    """Squared distances, a chunk of queries at a time.

    Yields:
        A slice of the queries and float64 `(queries in it, bank)`.
    """
    # |q|^2 + |b|^2 - 2 q.b loses digits far from the origin: centred, in float64.
    centre = bank.mean(axis=0, dtype=np.float64)
    bank = bank - centre
    lengths = np.einsum("bf,bf->b", bank, bank)
    size = max(1, _CHUNK // len(bank))
    for start in range(0, len(queries), size):
        part = queries[start : start + size] - centre
        squared = lengths - 2.0 * (part @ bank.T)
        squared += np.einsum("qf,qf->q", part, part)[:, np.newaxis]
        yield slice(start, start + len(part)), np.maximum(squared, 0.0)
