"""The parts of a task in a user's own code, without the trainer."""

import keras
import numpy as np

from sslkeras.testing.broken_contract import require
from sslkeras.training.surrogate_model import SurrogateModel

_BATCHES = 2


def check_model_fit_trains(subject):
    """`task.examples`, `build_model`, `compile` and `fit`, as in the README."""
    task = subject.fresh_task()
    examples = task.examples(subject.data.train, subject.batch_size, steps=_BATCHES)
    keras.utils.set_random_seed(0)
    model = task.build_model(examples.element_spec[0], subject.encoder, subject.data)
    task.adapt(model, subject.task.raw_batches(subject.data.train, subject.batch_size).take(0))
    optimizer = "adam"
    if isinstance(model, SurrogateModel):
        optimizer = {name: "adam" for name in model.players()}
    before = model.get_weights()
    model.compile(optimizer, loss=task.loss(), metrics=task.metrics())
    history = model.fit(examples, epochs=1, verbose=0).history
    require(
        all(np.all(np.isfinite(values)) for values in history.values()),
        "A model must train by `model.fit` with finite loss and metrics.",
        history,
        "See the messages of the other checks first.",
    )
    require(
        any(not np.array_equal(a, b) for a, b in zip(model.get_weights(), before)),
        "`model.fit` must move the weights.",
        "no weight moved",
        "`loss()` must depend on the model's outputs.",
    )
