"""Looking at a model does not change it."""

import numpy as np

from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.testing.comparison import difference
from sslkeras.training.pipeline import held_out_batches


def check_evaluation_changes_nothing(subject):
    """Evaluating on held-out data moves no weight and no queue, and gives the same twice."""
    if not subject.data.has_test:
        raise NotApplicableError("The dataset has no held-out examples.")
    model = subject.trained_copy()
    model.compile(
        {name: "sgd" for name in model.players()},
        loss=subject.task.loss(),
        metrics=subject.task.metrics(),
    )
    before = model.get_weights()
    held_out = held_out_batches(subject.task, subject.data.test, subject.batch_size)
    first, second = (model.evaluate(held_out, verbose=0, return_dict=True) for _ in range(2))
    found = difference(model.get_weights(), before)
    require(
        found is None,
        "Evaluation must change no weight and no state.",
        found,
        "Write state in `after_update` or `before_update` only, never in `losses_of` or `call`.",
    )
    require(
        all(np.isfinite(value) for value in first.values()),
        "Loss and metrics must be finite in evaluation, also for a smaller last batch.",
        first,
        "Guard metrics against what a batch may lack.",
    )
    if subject.random_model:
        return
    found = difference(second, first, relative=1e-5, absolute=1e-7)
    require(
        found is None,
        "Two evaluations of one model must give the same.",
        f"{first}, then {second}",
        "Evaluation must keep no state, and draw only from the pretext's seed.",
    )
