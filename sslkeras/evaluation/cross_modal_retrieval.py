"""Cross-modal retrieval: does one encoder's feature find its partner of the other?

R. Arandjelovic, A. Zisserman, "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651 (retrieval within and across modalities, nDCG@30, and CCA
for spaces that were not trained to agree).
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.cca import fit_cca
from sslkeras.evaluation.probe import Probe, check_lengths
from sslkeras.evaluation.ranking import ndcg_at
from sslkeras.evaluation.retrieval import ranked, unit
from sslkeras.hyperparameters import Choice, Integer, ListOf, Optional, Text

_CHUNK = 2**22


class CrossModalRetrieval(Probe):
    """Two encoders of one run look at the same test examples; each looks for its partner.

    Features are brought to length 1 and compared by cosine. What stands beside it: random
    init, and chance, which is k / examples for "R@k". There is no raw input: raw modalities
    have no common space.

    With a class for each example, nDCG of the items of the query's class is measured too,
    across both encoders and within each (then without the query itself).

    Args:
        encoders: Names of two encoders of the run; None for its first two.
        k: Ranks at which recall is measured.
        align: None if training has aligned both spaces. "cca": canonical correlation analysis,
            fitted on the train pairs.
        components: Of the canonical correlation analysis, at most.
        ndcg_at: Ranks that count for nDCG.
        target: Feature that holds the class; nDCG is left out where the data has none.
    """

    reads = ()
    needs_encoder = True
    hyperparameters = {
        "encoders": Optional(ListOf(Text("the name of an encoder"), length=2), "the first two"),
        "k": ListOf(Integer(1), min_length=1),
        "align": Optional(Choice("cca"), "aligned by training"),
        "components": Integer(1),
        "ndcg_at": Integer(1),
        "target": Text("the name of a feature"),
    }

    def __init__(
        self,
        *,
        encoders=None,
        k=(1, 5, 10),
        align=None,
        components=128,
        ndcg_at=30,
        target="label",
    ):
        super().__init__(
            encoders=encoders,
            k=k,
            align=align,
            components=components,
            ndcg_at=ndcg_at,
            target=target,
        )
        if self.encoders is not None and self.encoders[0] == self.encoders[1]:
            raise ConfigurationError(
                "`encoders` of CrossModalRetrieval must be two different names. Received: "
                f"encoders={encoders!r}."
            )

    def run(self, subject, seed):
        """Ranks in both directions; nothing is random.

        Returns:
            "R@k, a to b", "chance R@k", "median rank, a to b" and, with classes, "nDCG@k, a to
            b" and "nDCG@k, a to a", for the names a, b of the encoders in both orders.
        """
        names = self.encoders or subject.encoder_names[:2]
        if len(names) < 2:
            raise ConfigurationError(
                "The probe 'cross_modal_retrieval' needs a run with two encoders. Received: "
                f"{', '.join(names) or 'none by name'}. Choose another probe or task."
            )
        sides = [subject.of_encoder(name) for name in names]
        features = [side.features("test") for side in sides]
        if self.align == "cca":
            train = [side.features("train") for side in sides]
            if len(train[0]) <= sum(one.shape[1] for one in train):
                subject.note(
                    f"Canonical correlations were fitted on {len(train[0])} pairs, fewer than "
                    "there are features: they do not generalise."
                )
            features = fit_cca(*train, self.components).transform(*features)
        elif features[0].shape[1] != features[1].shape[1]:
            raise DataError(
                "Features of both encoders must have the same length. Received: "
                f"{features[0].shape[1]} ('{names[0]}') and {features[1].shape[1]} "
                f"('{names[1]}'). Use align='cca'."
            )
        count = len(features[0])
        check_lengths(features[1], features[0], names[0], "test")
        usable = [k for k in self.k if k <= count]
        classes = self._classes(subject)
        self._keep_pictures(subject, sides, features, names, classes)
        result = {}
        for a, b in ((0, 1), (1, 0)):
            ranks = partner_ranks(features[a], features[b])
            way = f"{names[a]} to {names[b]}"
            for k in usable:
                result[f"R@{k}, {way}"] = float((ranks <= k).mean())
            result[f"median rank, {way}"] = float(np.median(ranks))
        for k in usable:
            result[f"chance R@{k}"] = k / count
        if classes is not None:
            if len(np.unique(classes)) < 2:
                subject.note(
                    f"nDCG of cross_modal_retrieval is left out: '{self.target}' has one class in "
                    "the test split, so that every order is right."
                )
                return result
            for a, b in ((0, 1), (1, 0), (0, 0), (1, 1)):
                value = class_ndcg(features[a], features[b], classes, self.ndcg_at, a == b)
                result[f"nDCG@{self.ndcg_at}, {names[a]} to {names[b]}"] = value
        return result

    def _classes(self, subject):
        """Classes of the test pairs, `(pairs,)`, or None where the data has none."""
        spec = subject.split("test").features.get(self.target)
        if spec is None or spec.shape.rank != 0 or spec.dtype.is_floating:
            return None
        return subject.targets("test", self.target)

    def _keep_pictures(self, subject, sides, features, names, classes):
        def draw(a, b):
            from sslkeras.pictures.partners import draw_partners

            return draw_partners(
                sides[a], sides[b], features[a], features[b], (names[a], names[b]), classes
            )

        for a, b in ((0, 1), (1, 0)):
            subject.picture(
                f"{names[a]} to {names[b]}",
                lambda a=a, b=b: draw(a, b),
                f"What '{names[a]}' reads on the left, and what is most like it to '{names[b]}'; "
                + ("✓ is the partner." if classes is None else "✓ has the same class."),
            )


def partner_ranks(queries, bank):
    """Rank of row i of the bank among all rows, by cosine similarity to query i.

    Args:
        queries: `(pairs, features)`.
        bank: `(pairs, features)`.

    Returns:
        int `(pairs,)`, 1 for the most similar; of equally similar rows the first one is first.
    """
    queries, bank = unit(queries), tf.constant(unit(bank))
    size = max(1, _CHUNK // len(bank))
    ranks = [
        ranks_of(tf.matmul(queries[start : start + size], bank, transpose_b=True).numpy(), start)
        for start in range(0, len(queries), size)
    ]
    return np.concatenate(ranks)


def ranks_of(similar, first=0):
    """Rank of column `first + i` in row i of `similar`, `(queries, items)`."""
    own = np.arange(first, first + len(similar))
    value = similar[np.arange(len(similar)), own][:, np.newaxis]
    before = np.arange(similar.shape[1]) < own[:, np.newaxis]
    return 1 + (similar > value).sum(axis=1) + ((similar == value) & before).sum(axis=1)


def class_ndcg(queries, bank, classes, k, exclude_self):
    """Mean nDCG@k over queries; relevant are items of the query's class.

    Queries without a relevant item are left out; NaN if there are no others.
    """
    values = []
    for start, order in ranked(queries, bank, "cosine", exclude_self, max(1, _CHUNK // len(bank))):
        own = classes[start : start + len(order), np.newaxis]
        values.append(ndcg_at(own == classes[order], k))
    values = np.concatenate(values)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
