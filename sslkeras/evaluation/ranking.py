"""Metrics of ranked lists.

Each takes `ranked`, `(queries, items)`: the relevance of all items of the database, the item
that was ranked first in column 0. An item is relevant if that number is above 0.
"""

import numpy as np


def recall_at(ranked, k):
    """1 for each query with a relevant item among the first `k`, `(queries,)`."""
    return (ranked[:, :k] > 0).any(axis=1).astype(np.float64)


def recall_fraction_at(ranked, k):
    """Share of each query's relevant items among the first `k`; NaN without any."""
    relevant = ranked > 0
    return _share(relevant[:, :k].sum(axis=1), relevant.sum(axis=1))


def precision_at(ranked, k):
    """Share of relevant items among the first `k` of each query, `(queries,)`."""
    return (ranked[:, :k] > 0).mean(axis=1)


def average_precision(ranked):
    """Mean over each query's relevant items of the precision at their rank.

    Returns:
        float64 `(queries,)`; NaN for a query without relevant items.
    """
    relevant = ranked > 0
    found = np.cumsum(relevant, axis=1)
    precision = found / np.arange(1, ranked.shape[1] + 1)
    return _share((precision * relevant).sum(axis=1), found[:, -1])


def reciprocal_rank(ranked):
    """1 / rank of each query's first relevant item; 0 without any."""
    relevant = ranked > 0
    first = relevant.argmax(axis=1)
    return relevant.any(axis=1) / (first + 1.0)


def ndcg_at(ranked, k, gain="linear"):
    """Discounted gain of the first `k` items, divided by that of the best possible order.

        DCG = sum over ranks i = 1 ... k of g_i / log2(i + 1)

    Args:
        ranked: `(queries, items)`, graded relevance >= 0.
        k: Ranks that count.
        gain: "linear": g is the relevance. "exponential": g = 2^relevance - 1.

    Returns:
        float64 `(queries,)`; NaN for a query without relevant items.
    """
    k = min(k, ranked.shape[1])
    # The largest of the whole database, not of what was found.
    best = np.partition(ranked, ranked.shape[1] - k, axis=1)[:, -k:]
    ideal = np.sort(best, axis=1)[:, ::-1]
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    found = _gain(ranked[:, :k], gain) @ discount
    return _share(found, _gain(ideal, gain) @ discount)


def _gain(relevance, gain):
    relevance = relevance.astype(np.float64)
    return np.exp2(relevance) - 1.0 if gain == "exponential" else relevance


def _share(part, whole):
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
