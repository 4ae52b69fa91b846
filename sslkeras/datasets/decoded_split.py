"""Examples that Python decodes when they are read; what cannot be decoded is skipped and named."""

import abc
import threading

import numpy as np
import tensorflow as tf
from absl import logging

from sslkeras.datasets.dataset import IndexedSplit
from sslkeras.errors import DataError

# Files that are named one by one in a warning.
_NAMED = 5


class UnreadableFileError(DataError):
    """A file that is cut off, damaged, or not what its name says."""


class DecodedSplit(IndexedSplit):
    """Examples decoded by threads of the training process, some of which may be unreadable.

    In a shuffled order the next readable example takes the place of one that is not, so that
    the order stays a function of (seed, epoch, position). A pass in the stored order leaves it
    out; to do so alike for all features it decodes all of them. What is not wanted of a
    shuffled order is not decoded.

    Args:
        size: Number of examples.
        features: `tf.TensorSpec` by feature name, of one example.
        decoded: Names of the features that `decode` gives.
        skipped: Names of the files that were left out at the beginning.
        kind: What a file is called in a warning, "video" say.
    """

    def __init__(self, size, features, decoded, *, skipped=(), kind="file"):
        self.size, self.features = size, features
        self._decoded, self._kind = tuple(decoded), kind
        self._skipped, self._unread, self._lock = list(skipped), set(), threading.Lock()

    @abc.abstractmethod
    def decode(self, index, names) -> dict:
        """Arrays of the example `index` by feature; called by several threads at once.

        Args:
            index: int.
            names: Which of the decoded features are wanted.

        Raises:
            UnreadableFileError: If it cannot be decoded.
        """

    @abc.abstractmethod
    def source(self, index) -> str:
        """Name of the file of the example `index`."""

    @property
    def columns(self) -> dict:
        """Tensors `(size, ...)` by name: the features that are known without decoding."""
        return {}

    @property
    def skipped(self):
        with self._lock:
            return tuple(self._skipped)

    def read(self, indices, count, *, only=None):
        names = [name for name in self._decoded if only is None or name in only]
        names = names or self._decoded
        examples = indices.unbatch().map(
            lambda index: self._decode(index, self.size, names),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return self._finish(examples.batch(count, drop_remainder=True), count, only)

    def read_in_order(self, batch_size, *, start=0, only=None):
        examples = tf.data.Dataset.range(self.size).map(
            lambda index: self._decode(index, 1, self._decoded),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        # Which examples are readable decides where a batch begins, so all before it are read.
        readable = examples.filter(lambda index, decoded: index >= 0)
        return self._finish(readable.batch(batch_size).skip(start), None, only)

    @tf.autograph.experimental.do_not_convert
    def _decode(self, index, tries, names):
        """The first readable example of `tries` from `index` on, and its index, or -1."""
        specs = [self.features[name] for name in names]

        def first(index):
            number, decoded = self._first_readable(int(index), tries, names)
            return [number, *(decoded[name] for name in names)]

        index, *values = tf.numpy_function(first, [index], [tf.int64, *(s.dtype for s in specs)])
        decoded = {
            name: tf.ensure_shape(value, spec.shape)
            for name, value, spec in zip(names, values, specs, strict=True)
        }
        return tf.ensure_shape(index, ()), decoded

    def _first_readable(self, first, tries, names):
        for index in range(first, first + tries):
            index %= self.size
            try:
                return np.int64(index), self.decode(index, names)
            except UnreadableFileError as error:
                self._report(index, error)
        nothing = {name: self.features[name] for name in names}
        return np.int64(-1), {
            name: np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for name, spec in nothing.items()
        }

    def _require_a_readable_example(self):
        for index in range(self.size):
            if self._first_readable(index, 1, self._decoded)[0] >= 0:
                return
        raise DataError(
            f"At least one {self._kind} must be readable. Received: {self.size} examples, none of "
            f"which is, such as those of {self._skipped[-1]!r}. Check that the files are whole."
        )

    def _report(self, index, error):
        name = self.source(index)
        with self._lock:
            known = name in self._unread
            if not known:
                self._unread.add(name)
                self._skipped.append(name)
            count = len(self._skipped)
        if not known:
            logging.warning(
                "Skipped a %s that cannot be decoded (%d so far): %s", self._kind, count, error
            )

    def _finish(self, batches, count, only):
        """Batches of (index, decoded features) as the wanted features."""
        self._require_a_readable_example()
        columns = self.columns

        def finish(index, decoded):
            batch = decoded | {n: tf.gather(column, index) for n, column in columns.items()}
            return {
                name: tf.ensure_shape(batch[name], (count, *spec.shape))
                for name, spec in self.features.items()
                if name in batch and (only is None or name in only)
            }

        return batches.map(finish)


def warn_of_skipped(what, reasons):
    """One warning for all that is left out at the beginning, with the first few reasons."""
    rest = len(reasons) - _NAMED
    shown = "; ".join(reasons[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
    if reasons:
        logging.warning("Skipped %d %s: %s", len(reasons), what, shown)
