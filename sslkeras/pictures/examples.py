"""Held-out examples to draw, chosen by a seed."""

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import IndexedSplit, Order, as_float
from sslkeras.errors import DataError
from sslkeras.evaluation.features import feature_for
from sslkeras.training.pipeline import pretext_seed


def count_of(split, wanted):
    """`wanted`, or the size of the split if that is smaller."""
    return wanted if split.size is None else min(wanted, split.size)


def pretext_examples(run, count, seed):
    """`(inputs, targets)` of `count` held-out examples."""
    split = run.data.test
    batches = run.task.raw_batches(split, count_of(split, count), order=Order(seed))
    batch = as_float(next(iter(batches)))
    inputs, targets, *_ = run.task.pretext(batch, pretext_seed(seed, 0))
    return inputs, targets


def examples_at(split, rows, names) -> dict:
    """Examples by their place in the stored order, as features are extracted.

    Args:
        split: The `Split`.
        rows: int `(examples,)`, each less than the number of examples that can be read.
        names: Names of the features wanted.

    Returns:
        Feature name to a list of arrays, one a row; uint8 pixels become float32 in [0, 1].
    """
    rows = np.asarray(rows, np.int64)
    wanted, where = np.unique(rows, return_inverse=True)
    found = {name: [] for name in names}
    for example in each_example(split, wanted, names):
        for name, value in example.items():
            found[name].append(value)
    return {name: [values[i] for i in where] for name, values in found.items()}


def each_example(split, rows, names):
    """Examples one after another, so that few of them are in memory at a time.

    Args:
        split: The `Split`.
        rows: int `(examples,)`, ascending and each one once.
        names: Names of the features wanted.

    Yields:
        Feature name to an array; uint8 pixels become float32 in [0, 1].
    """
    rows = np.asarray(rows, np.int64)
    # Files that could not be read have no row: the place in the storage is then another.
    if isinstance(split, IndexedSplit) and not split.skipped:
        indices = tf.data.Dataset.from_tensor_slices(rows[:, np.newaxis])
        for batch in split.read(indices, 1, only=tuple(names)):
            yield {name: value[0] for name, value in _float_arrays(batch, names).items()}
        return
    start = 0
    for batch in split.batches(64, only=tuple(names)):
        values = _float_arrays(batch, names)
        end = start + len(values[names[0]])
        for row in rows[(rows >= start) & (rows < end)]:
            yield {name: value[row - start] for name, value in values.items()}
        start = end
        if start > rows[-1]:
            return


def _float_arrays(batch, names):
    return {k: v.numpy() for k, v in as_float({name: batch[name] for name in names}).items()}


def main_encoder(run):
    """Name and model of the encoder that is judged."""
    return next(iter(run.encoders.items()))


def read_by(run):
    """Name of the held-out feature that the main encoder takes."""
    name, encoder = main_encoder(run)
    wanted = run.task.encoder_reads().get(name, next(iter(run.task.reads)))
    return feature_for(encoder, run.data.test, wanted)


def encoder_images(run, count, seed):
    """Held-out images as the main encoder takes them; of clips the middle frames.

    Returns:
        float32 `(examples, height, width, channels)`, or None if it takes no images.
    """
    _, encoder = main_encoder(run)
    if not encoder.inputs or len(encoder.inputs) != 1 or encoder.inputs[0].shape.rank != 4:
        return None
    try:
        name = read_by(run)
    except DataError:
        return None
    split = run.data.test
    batches = split.batches(count_of(split, count), order=Order(seed), only=(name,))
    images = as_float(next(iter(batches)))[name]
    if images.shape.rank == 5:
        images = images[:, images.shape[1] // 2]
    return np.asarray(tf.cast(images, tf.float32))
