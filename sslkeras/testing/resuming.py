"""A run that was killed and resumed ends as one that was not."""

import pathlib
import shutil
import tempfile

import keras
import numpy as np

from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.testing.comparison import difference
from sslkeras.training.pretrain import pretrain

_EPOCHS, _STEPS = 2, 3


class _CopyAt(keras.callbacks.Callback):
    """Copies the run folder before an update: what kill -9 would leave behind there."""

    def __init__(self, updates, folder, copy):
        super().__init__()
        self._left, self._folder, self._copy = updates, folder, copy

    def on_train_batch_begin(self, batch, logs=None):
        if self._left == 0:
            shutil.copytree(self._folder, self._copy)
        self._left -= 1


def check_resumed_run_equals_uninterrupted(subject):
    """Through `sslkeras.pretrain`, killed one update before the end: weights and history."""
    if subject.random_model:
        raise NotApplicableError("Layers that draw at random are in no checkpoint of Keras 2.")
    stages = subject.task.stages(subject.model)
    open_ended = any(stage.epochs is None for stage in stages)
    updates = _STEPS * sum(stage.epochs or _EPOCHS for stage in stages)

    def run(output, *callbacks):
        return pretrain(
            # Another object each time: what it kept of the run before would be lost by a kill.
            subject.fresh_task(),
            subject.data,
            subject.encoder,
            output=output,
            epochs=_EPOCHS if open_ended else None,
            steps_per_epoch=_STEPS,
            batch_size=subject.batch_size,
            optimizer="adam",
            validate_every=0,
            checkpoint_steps=2,
            steps_per_execution=1,
            callbacks=callbacks,
        )

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # After an odd number of updates, so that something since a checkpoint is lost.
        last = updates - 1 - updates % 2
        whole = run(folder / "whole", _CopyAt(last, folder / "whole", folder / "killed"))
        assert (folder / "killed").exists(), f"The run ended before update {last}."
        resumed = run(folder / "killed")
        found = _differences(resumed, whole)
        if found is not None:
            # Threads may add in another order, so that no two runs are equal to the bit.
            again = run(folder / "again")
            if _differences(again, whole) is not None:
                found = _differences(resumed, whole, relative=1e-3, absolute=1e-5)
    require(
        found is None,
        "A run that was killed and resumed must end as an uninterrupted one.",
        found,
        "All state must be in weights of the model (checkpoints hold nothing else of yours), and "
        "`pretext`, `select` and `adapt` must be functions of their arguments.",
    )


def _differences(ours, theirs, **tolerance):
    found = difference(ours.model.get_weights(), theirs.model.get_weights(), **tolerance)
    if found is not None:
        return f"weights: {found}"
    rows = [[list(map(_number, row.items())) for row in run.history] for run in (ours, theirs)]
    if len(rows[0]) != len(rows[1]):
        return f"{len(rows[0])} rows of history against {len(rows[1])}"
    for epoch, (one, other) in enumerate(zip(*rows)):
        for (name, value), (known, expected) in zip(one, other):
            close = np.allclose(value, expected, tolerance.get("relative", 0.0), 0.0)
            if name != known or not close:
                return f"history, row {epoch}: {name}={value} against {known}={expected}"
    return None


def _number(item):
    name, value = item
    return name, value if isinstance(value, (int, float)) else float(hash(value))
