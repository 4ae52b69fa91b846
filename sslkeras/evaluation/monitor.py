"""A look at the encoder while it is trained: collapse, and k-NN where there are labels."""

import keras
import numpy as np

from sslkeras import report
from sslkeras.datasets.dataset import Order, as_float
from sslkeras.evaluation.features import embedding_of, feature_for
from sslkeras.evaluation.health import health, is_collapsed
from sslkeras.evaluation.knn import votes

_BANK, _QUERIES = 2000, 500
_K, _TEMPERATURE = 20, 0.07


class Monitor(keras.callbacks.Callback):
    """Adds what the features are like to the logs of every n-th epoch.

    "feature_std" and "effective_rank" (see `sslkeras.evaluation.health`) on up to 500
    held-out examples; "knn" is the top-1 accuracy of the 20 nearest of up to 2000 training
    examples, where the data has labels. All are functions of the weights and of a fixed
    choice of examples. Must come before the callbacks that read the logs.

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
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self._every:
            return
        queries = self._features(self._queries)
        logs.update({name.replace(" ", "_"): v for name, v in health(queries).items()})
        if is_collapsed(queries) and not self._warned:
            self._warned = True
            report.warn(
                f"The features have collapsed: they do not vary over {len(queries)} examples "
                f"(epoch {epoch + 1})."
            )
        if self._bank is not None:
            truth, test_truth = self._bank["label"], self._queries["label"]
            scores = votes(
                self._features(self._bank), truth, queries, truth.max() + 1, _K, _TEMPERATURE
            )
            logs["knn"] = float((scores.argmax(axis=-1) == test_truth).mean())

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
