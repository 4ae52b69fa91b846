"""Retrieval: are the nearest features those of the same class?

Recall@k as in metric learning: Y. Movshovitz-Attias et al., "No Fuss Distance Metric
Learning using Proxies", ICCV 2017, https://arxiv.org/abs/1703.07464.
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.evaluation.probe import Probe, check_probe_pooling, classes_of
from sslkeras.evaluation.ranking import (
    average_precision,
    ndcg_at,
    precision_at,
    recall_at,
    recall_fraction_at,
    reciprocal_rank,
)
from sslkeras.hyperparameters import Choice, Integer, ListOf, Optional, Text

# Similarities held at a time: 2^22 with their order and relevance are about 100 MB.
_CHUNK = 2**22
NEIGHBOURS_CAPTION = (
    "Test examples on the left, the most similar examples to their right; ✓ has the same class."
)


class Retrieval(Probe):
    """Ranks a database by similarity to each test example; items of its class are relevant.

    Nothing is trained. What stands beside it: random init, raw input, and "chance P@k", the
    share of relevant items in the database.

    Args:
        k: Ranks at which recall and precision are measured; those beyond the size of the
            database are left out.
        database: "train", or "test": then each example is a query to all the others.
        similarity: "cosine", or "euclidean" (the smaller the distance, the more similar).
        ndcg_at: Ranks that count for nDCG.
        pooling: How maps become vectors; None for the evaluation's.
        target: Feature that holds the class.
    """

    reads = ("label",)
    hyperparameters = {
        "k": ListOf(Integer(1), min_length=1),
        "database": Choice("train", "test"),
        "similarity": Choice("cosine", "euclidean"),
        "ndcg_at": Integer(1),
        "pooling": Optional(Text("a pooling"), "that of the evaluation"),
        "target": Text("the name of a feature"),
    }

    def __init__(
        self,
        *,
        k=(1, 5, 10, 20, 50),
        database="train",
        similarity="cosine",
        ndcg_at=30,
        pooling=None,
        target="label",
    ):
        super().__init__(
            k=k,
            database=database,
            similarity=similarity,
            ndcg_at=ndcg_at,
            pooling=pooling,
            target=target,
        )
        check_probe_pooling(pooling)
        self.reads = (target,)

    def run(self, subject, seed):
        """Ranks the database for each test example; nothing is random.

        Returns:
            "R@k", "recall fraction@k", "P@k", "chance P@k", "mAP", "MRR", "nDCG@k" and
            "queries without relevant".
        """
        queries = subject.features("test", self.pooling)
        _, train, test = classes_of(subject, self.target)
        exclude_self = self.database == "test"
        if exclude_self:
            # -1 would make all the unknown classes one.
            test = train = np.unique(subject.targets("test", self.target), return_inverse=True)[1]
        bank = subject.features(self.database, self.pooling)

        def draw():
            from sslkeras.pictures.neighbours import draw_neighbours

            return draw_neighbours(
                subject,
                queries,
                bank,
                database=self.database,
                similarity=self.similarity,
                target=self.target,
            )

        subject.picture("neighbours", draw, NEIGHBOURS_CAPTION)
        return retrieve(
            queries,
            bank,
            test,
            train,
            k=self.k,
            ndcg_ranks=self.ndcg_at,
            similarity=self.similarity,
            exclude_self=exclude_self,
            note=subject.note,
        )


def retrieve(
    queries,
    bank,
    query_classes,
    bank_classes,
    *,
    k=(1, 5, 10, 20, 50),
    ndcg_ranks=30,
    similarity="cosine",
    exclude_self=False,
    note=lambda text: None,
) -> dict:
    """Metrics of retrieval by class.

    Args:
        queries: `(queries, features)`.
        bank: `(bank, features)`.
        query_classes: int `(queries,)`.
        bank_classes: int `(bank,)`; equal classes are relevant.
        k: Ranks for recall and precision.
        ndcg_ranks: Ranks for nDCG.
        similarity: "cosine" or "euclidean".
        exclude_self: Whether row i of the bank is query i and not to be found by it.
        note: Told in words what was left out.

    Returns:
        Metric name to float.

    Raises:
        DataError: If no query has a relevant item.
    """
    usable = len(bank) - exclude_self
    left_out = [n for n in k if n > usable]
    if left_out:
        note(f"The database has {usable} items: ranks {left_out} are left out.")
    counted, share, lists = (
        {},
        [],
        ranked_relevance(queries, bank, query_classes, bank_classes, similarity, exclude_self),
    )
    for ranked in lists:
        share.append(ranked.sum(axis=1) / usable)
        parts = {}
        for n in (n for n in k if n <= usable):
            parts[f"R@{n}"] = recall_at(ranked, n)
            parts[f"recall fraction@{n}"] = recall_fraction_at(ranked, n)
            parts[f"P@{n}"] = precision_at(ranked, n)
        parts["mAP"] = average_precision(ranked)
        parts["MRR"] = reciprocal_rank(ranked)
        parts[f"nDCG@{ndcg_ranks}"] = ndcg_at(ranked, ndcg_ranks)
        for name, values in parts.items():
            counted.setdefault(name, []).append(values)
    share = np.concatenate(share)
    if not share.any():
        raise DataError(
            "Retrieval needs a query with an item of its class in the database. Received: none "
            f"among {len(share)} queries. Choose another `target` or `database`."
        )
    result = {name: float(np.nanmean(np.concatenate(parts))) for name, parts in counted.items()}
    result["chance P@k"] = float(share.mean())
    result["queries without relevant"] = float((share == 0).sum())
    return result


def ranked_relevance(queries, bank, query_classes, bank_classes, similarity, exclude_self):
    """Relevance of the database in ranked order, a chunk of queries at a time.

    Yields:
        bool `(queries in the chunk, items)`, most similar first and equally similar ones in
        the order of the bank; see `retrieve` for the arguments.
    """
    size = max(1, _CHUNK // len(bank))
    for start, order in ranked(queries, bank, similarity, exclude_self, size):
        relevant = query_classes[start : start + len(order), np.newaxis] == bank_classes[order]
        yield relevant


def ranked(queries, bank, similarity, exclude_self=False, size=256):
    """Indices of all items of the bank, most similar first, `size` queries at a time.

    Yields:
        Index of the first query in the chunk, and int `(queries in it, items)`: items are the
        bank, without the query itself if `exclude_self`.
    """
    if similarity == "cosine":
        queries, bank = unit(queries), unit(bank)
    else:
        centre = bank.mean(axis=0)  # Far from the origin, squares would swallow differences.
        queries, bank = queries - centre, bank - centre
    lengths = np.einsum("bf,bf->b", bank, bank)
    bank = tf.constant(bank)
    for start in range(0, len(queries), size):
        part = queries[start : start + size]
        similar = tf.matmul(part, bank, transpose_b=True).numpy()
        if similarity == "euclidean":
            similar = 2.0 * similar - lengths  # -|q - b|^2 up to a constant a query.
        if exclude_self:
            similar[np.arange(len(part)), np.arange(start, start + len(part))] = -np.inf
        order = np.argsort(-similar, axis=1, kind="stable")
        yield start, order[:, :-1] if exclude_self else order


def unit(rows):
    """float32 rows of length 1; a row of zeros stays one."""
    # In float32 the squares of large values would overflow, those of small ones vanish.
    length = np.sqrt(np.einsum("ef,ef->e", rows, rows, dtype=np.float64))[:, np.newaxis]
    length = np.where(length == 0.0, 1.0, length)
    return np.divide(rows, length, dtype=np.float32, casting="same_kind")
