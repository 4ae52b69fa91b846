"""k-NN probe: the weighted vote of the nearest training features.

Z. Wu, Y. Xiong, S. X. Yu, D. Lin, "Unsupervised Feature Learning via Non-parametric
Instance Discrimination", CVPR 2018, https://arxiv.org/abs/1805.01978.
"""

import numpy as np
import tensorflow as tf

from sslkeras.evaluation import labels as labels_module
from sslkeras.evaluation.probe import Probe, accuracies, check_probe_pooling, classes_of
from sslkeras.evaluation.retrieval import NEIGHBOURS_CAPTION, unit
from sslkeras.hyperparameters import Integer, Optional, Real, Text

# Similarities held at a time, and values of the bank: 2^24 floats are 64 MiB.
_CHUNK = 2**24
_BANK_CHUNK = 2**25


class KNN(Probe):
    """Weighted k-nearest-neighbour vote over the labelled train features.

    With unit-length features, a query `q` and its `k` most similar train features `f_i`,

        score of class c = sum over neighbours of class c of exp(<q, f_i> / temperature)

    The largest score wins; of equal ones the smaller class, of equally similar neighbours
    the one that comes first in the train split. Nothing is trained.

    Args:
        k: Neighbours (200 in the paper); all of them if there are fewer.
        temperature: Of the weights (0.07 in the paper).
        labels: How many training labels are used; see `linear`.
        pooling: How maps become vectors; None for the evaluation's.
        target: Feature that holds the class.
        seeds: How many subsets are drawn; it makes no difference when `labels` is None.
    """

    reads = ("label",)
    hyperparameters = {
        "k": Integer(1),
        "temperature": Real(0, closed="neither"),
        "labels": Optional(labels_module.LABELS, "all labels"),
        "pooling": Optional(Text("a pooling"), "that of the evaluation"),
        "target": Text("the name of a feature"),
        "seeds": Integer(1),
    }

    def __init__(
        self, *, k=200, temperature=0.07, labels=None, pooling=None, target="label", seeds=1
    ):
        super().__init__(
            k=k,
            temperature=temperature,
            labels=labels,
            pooling=pooling,
            target=target,
            seeds=seeds,
        )
        check_probe_pooling(pooling)
        self.reads = (target,)

    def run(self, subject, seed):
        """Returns "top-1", "top-5" (6 or more classes) and "per class"."""
        bank = subject.features("train", self.pooling)
        queries = subject.features("test", self.pooling)
        classes, truth, test_truth = classes_of(subject, self.target)
        rows = labels_module.subset(truth, self.labels, seed)
        if len(rows) < len(bank):
            bank, truth = bank[rows], truth[rows]

        def draw():
            from sslkeras.pictures.neighbours import draw_neighbours

            return draw_neighbours(
                subject, queries, bank, database="train", bank_rows=rows, target=self.target
            )

        subject.picture("neighbours", draw, NEIGHBOURS_CAPTION)
        if self.k > len(bank):
            subject.note(
                f"k={self.k} is more than the {len(bank)} labelled examples: all of them vote."
            )
        return accuracies(
            votes(bank, truth, queries, len(classes), self.k, self.temperature), test_truth
        )


def votes(bank, truth, queries, num_classes, k, temperature):
    """Class scores of each query.

    Args:
        bank: float32 `(bank, features)`.
        truth: int `(bank,)`, in [0, num_classes).
        queries: float32 `(queries, features)`.
        num_classes: Number of classes.
        k: Neighbours, capped at the size of the bank.
        temperature: Of the weights.

    Returns:
        float64 `(queries, num_classes)`, divided by the weight of the nearest neighbour, so
        that a small temperature cannot overflow.
    """
    k = min(k, len(bank))
    nearest, index = _nearest(bank, queries, k)
    result = np.empty((len(queries), num_classes))
    chunk = max(1, _CHUNK // k)
    for start in range(0, len(queries), chunk):
        similar = nearest[start : start + chunk].astype(np.float64)
        weights = np.exp((similar - similar[:, :1]) / temperature)
        # bincount adds in order of similarity: classes with equal weights tie exactly.
        rows = np.arange(len(similar))[:, np.newaxis] * num_classes
        cells = rows + truth[index[start : start + chunk]]
        sums = np.bincount(cells.ravel(), weights.ravel(), minlength=len(similar) * num_classes)
        result[start : start + chunk] = sums.reshape(len(similar), num_classes)
    return result


def _nearest(bank, queries, k):
    """Cosine and index of the `k` most similar rows of the bank, `(queries, k)` each.

    The bank is gone through in parts, so that no copy of all of it is made.
    """
    nearest = np.empty((len(queries), 0), np.float32)
    index = np.empty((len(queries), 0), np.int32)
    size = max(1, _BANK_CHUNK // bank.shape[1])
    for first in range(0, len(bank), size):
        part = tf.constant(unit(bank[first : first + size]))
        found, place = [], []
        chunk = max(1, _CHUNK // len(part))
        for start in range(0, len(queries), chunk):
            rows = slice(start, start + chunk)
            similar = tf.matmul(unit(queries[rows]), part, transpose_b=True)
            # top_k lists equal similarities by their place: those of earlier parts come first.
            one, where = tf.math.top_k(similar, min(k, len(part)))
            one = tf.concat([nearest[rows], one], axis=1)
            where = tf.concat([index[rows], where + first], axis=1)
            best, order = tf.math.top_k(one, min(k, one.shape[1]))
            found.append(best.numpy())
            place.append(tf.gather(where, order, batch_dims=1).numpy())
        nearest, index = np.concatenate(found), np.concatenate(place)
    return nearest, index
