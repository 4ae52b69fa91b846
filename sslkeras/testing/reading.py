"""A task says which features it reads, and how large they must be."""

import types

import tensorflow as tf

from sslkeras.datasets.dataset import as_float
from sslkeras.errors import DataError
from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.training.pipeline import pretext_seed


def check_reads_are_enforced(subject):
    """Data without what is read, or too small, is refused before anything runs."""
    task, features = subject.task, subject.data.train.features
    try:
        task.check(subject.data.train)
    except DataError as error:
        require(
            False,
            "`check` must accept the data of this test.",
            f"it was refused: {error}",
            "Give `dataset` with what the task reads, or mend `reads` or `check`.",
        )
    for feature, least in task.reads.items():
        others = {name: spec for name, spec in features.items() if name != feature}
        _require_refused(task, others, f"a dataset without '{feature}'")
        if least is None:
            continue
        _require_refused(
            task,
            {**features, feature: tf.TensorSpec((2,) * (len(least) + 1), tf.uint8)},
            f"'{feature}' with one axis more",
        )
        for axis, size in enumerate(least):
            if size is not None and size > 1:
                shape = [*least[:axis], size - 1, *least[axis + 1 :]]
                small = tf.TensorSpec(shape, features[feature].dtype)
                _require_refused(task, {**features, feature: small}, f"'{feature}' of {shape}")


def check_least_sizes_suffice(subject):
    """What `reads` calls large enough is large enough for the pretext."""
    task = subject.task
    if task.selects:
        raise NotApplicableError("What the pretext gets is made by `select`, not read.")
    raw = task.raw_batches(subject.data.train, 2).element_spec
    batch = {}
    for feature, spec in raw.items():
        have = spec.shape[1:].as_list()
        least = task.reads.get(feature) or have
        shape = [need or size or 1 for need, size in zip(least, have)]
        if not (spec.dtype.is_floating or spec.dtype.is_integer):
            raise NotApplicableError(f"'{feature}' holds no numbers.")
        batch[feature] = tf.zeros([2, *shape], spec.dtype)
    try:
        task.pretext(as_float(batch), pretext_seed(0, 0))
    except Exception as error:
        shapes = {name: tuple(value.shape[1:]) for name, value in batch.items()}
        require(
            False,
            "The pretext must take examples of the least sizes in `reads`.",
            f"{type(error).__name__} for examples of {shapes}: {str(error)[:300]}",
            "Say larger sizes in `reads`; where they depend on arguments set `self.reads`.",
        )


def _require_refused(task, features, what):
    rule = "`check` must raise DataError for data that lacks what `reads` asks for."
    remedy = "Leave `check` as it is, or call `super().check(split)` first."
    try:
        task.check(types.SimpleNamespace(features=features))
    except DataError:
        return
    except Exception as error:
        require(False, rule, f"{type(error).__name__}: {error} for {what}", remedy)
    require(False, rule, f"{what} accepted", remedy)
