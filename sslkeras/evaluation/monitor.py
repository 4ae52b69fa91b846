"""A look at the encoder while it is trained: collapse, and k-NN where there are labels."""

import keras
import numpy as np

from sslkeras import report
from sslkeras.datasets.dataset import Order, as_float
from sslkeras.evaluation.features import embedding_of, feature_for
from sslkeras.evaluation.health import finite_rows, health, is_collapsed
from sslkeras.evaluation.knn import votes

_BANK, _QUERIES = 2000, 500
_K, _TEMPERATURE = 20, 0.07


class Monitor(keras.callbacks.Callback):
    """Adds what the features are like to the logs of every n-th epoch.

    "feature_std" and "effective_rank" (see `sslkeras.evaluation.health`) on up to 500
    held-out examples; "knn" is the top-1 accuracy of the 20 nearest of up to 2000 training
    examples, where the data has labels. All are functions of the weights and of a fixed
    choice of examples. Rows with NaN or infinity are counted ("rows_not_finite"); they are
    nobody's neighbours and their class is not found. A collapse and rows that are not finite
    are said aloud, once each. Must come before the callbacks that read the logs.

    Args:
        task: The `Task`.
        model: The task's whole model.
        data: The `Dataset`.
        every: Epochs between two looks.
    """

    def __init__(self, task, model, data, every):
        super().__init__()
        self._every = every
        name, encoder = next(iter(task.encoders(model).items()))
        reads = task.encoder_reads()
        wanted = reads.get(name, next(iter(reads.values())))
        feature = feature_for(encoder, data.train, wanted)
        self._queries = _sample(data.test if data.has_test else data.train, feature, _QUERIES)
        self._bank = _sample(data.train, feature, _BANK) if "label" in self._queries else None
        self._feature = feature
        self._embed = embedding_of(encoder, "mean", data.train.features[feature])
        self._warned = set()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self._every:
            return
        queries = self._features(self._queries)
        logs.update({name.replace(" ", "_"): v for name, v in health(queries).items()})
        finite = finite_rows(queries)
        if not finite.all():
            self._warn_once(
                f"The features have NaN or infinity in {(~finite).sum()} of {len(queries)} rows "
                f"(epoch {epoch + 1}). Look for a diverged training or for examples with NaN."
            )
        elif is_collapsed(queries):
            self._warn_once(
                f"The features have collapsed: they do not vary over {len(queries)} examples "
                f"(epoch {epoch + 1})."
            )
        if self._bank is not None:
            logs["knn"] = self._accuracy(queries, finite)

    def _accuracy(self, queries, finite):
        """Share of queries whose neighbours name their class; of a row of NaN they do not."""
        bank, truth = self._features(self._bank), self._bank["label"]
        usable = finite_rows(bank)
        if not usable.any() or not finite.any():
            return 0.0
        bank, truth = bank[usable], truth[usable]
        scores = votes(bank, truth, queries[finite], truth.max() + 1, _K, _TEMPERATURE)
        right = scores.argmax(axis=-1) == self._queries["label"][finite]
        return float(right.sum() / len(queries))

    def _warn_once(self, text):
        kind = text.partition(":")[0].partition(" in ")[0]
        if kind not in self._warned:
            self._warned.add(kind)
            report.warn(text)

    def _features(self, batch):
        return np.asarray(self._embed(as_float({"x": batch[self._feature]})["x"]))


def _sample(split, feature, most):
    """Up to `most` examples of a split, always the same, with their integer label if any."""
    label = split.features.get("label")
    labelled = label is not None and label.shape.rank == 0 and label.dtype.is_integer
    only = (feature, "label") if labelled else (feature,)
    size = most if split.size is None else min(most, split.size)
    batch = next(iter(split.batches(size, order=Order(0), only=only)))
    return {name: value.numpy() if name == "label" else value for name, value in batch.items()}
