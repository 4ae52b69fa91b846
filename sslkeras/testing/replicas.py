"""One global batch gives the same update on two replicas as on one."""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import slice_of
from sslkeras.errors import ConfigurationError
from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.training.strategies import create_strategy, make_logical_cpus

# Of the length of the whole update, and of the greatest value of other state.
_OF_UPDATE, _OF_STATE = 0.02, 1e-3


@functools.cache
def two_replicas():
    """One strategy for the process: making several can end in a stuck or aborted collective."""
    try:
        make_logical_cpus(2)
        return create_strategy("mirrored(devices=['CPU:0', 'CPU:1'])")
    except ConfigurationError as error:
        raise NotApplicableError(
            "Two logical CPUs are needed: call sslkeras.training.strategies.make_logical_cpus(2) "
            "before anything of TensorFlow, for example in pytest_configure of conftest.py."
        ) from error


def check_two_replicas_equal_one(subject):
    """The same examples, shared by two replicas: same weights, state and reported loss."""
    if subject.random_model:
        raise NotApplicableError("Layers that draw at random draw otherwise on each replica.")
    if subject.has_batch_normalisation():
        raise NotApplicableError("Batch normalisation takes its statistics on each replica.")
    strategy = two_replicas()
    fits = subject.trained
    with strategy.scope():
        model = subject.build()
        stages = subject.stage_models(model)
    for fit, stage in zip(fits, stages):
        with strategy.scope():
            subject.compile(stage, fit)
        model.set_weights(fit.all_before)
        stage.set_weights(fit.before)
        data = strategy.distribute_datasets_from_function(
            lambda _: _slices(fit.examples, subject.batch_size // 2)  # noqa: B023
        )
        history = stage.fit(data, epochs=1, steps_per_epoch=len(fit.examples), verbose=0).history
        _require_same(subject, fit, stage, float(history["loss"][-1]), strategy)


def _slices(examples, part):
    slices = []
    for inputs, targets, weights in examples:
        for replica in range(2):
            given = (inputs, targets) if weights is None else (inputs, targets, weights)
            slices.append(tf.data.Dataset.from_tensors(slice_of(given, replica, part)))
    return functools.reduce(lambda one, other: one.concatenate(other), slices)


def _require_same(subject, fit, model, reported, strategy):
    where = f"(stage '{fit.name}')" if len(subject.trained) > 1 else ""
    players = {id(v) for variables in model.players().values() for v in variables}
    gap, length = 0.0, 0.0
    for variable, before, after in zip(model.weights, fit.before, fit.after):
        copies = [np.asarray(copy) for copy in strategy.experimental_local_results(variable)]
        require(
            all(np.array_equal(copy, copies[0]) for copy in copies),
            "All replicas must hold the same weights and state.",
            f"{variable.name} differs between replicas {where}",
            "Gather what replicas write (`tf.distribute.get_replica_context().all_gather`) and "
            "write the same on each; make state with aggregation=ONLY_FIRST_REPLICA.",
        )
        if id(variable) in players:
            gap += np.sum((copies[0].astype(float) - after) ** 2)
            length += np.sum((after.astype(float) - before) ** 2)
            continue
        scale = np.max(np.abs(after.astype(float)), initial=0.0)
        distance = np.max(np.abs(copies[0].astype(float) - after), initial=0.0)
        require(
            distance <= _OF_STATE * scale + 1e-6,
            "State must be the same after the same global batches on two replicas as on one.",
            f"{variable.name} differs by up to {distance:.3g} of {scale:.3g} {where}",
            "Use the whole global batch (`all_gather`), not this replica's part.",
        )
    require(
        gap**0.5 <= _OF_UPDATE * length**0.5 + 1e-7,
        "The same global batches must give the same update on two replicas as on one.",
        f"updates that differ by {gap**0.5 / max(length**0.5, 1e-12):.0%} of their length {where}",
        "Each replica must return its share of the global loss: use sslkeras.losses.global_mean or "
        "global_ratio; gather embeddings where examples are compared with each other.",
    )
    require(
        abs(reported - fit.reported) <= 1e-3 * abs(fit.reported) + 1e-6,
        "The same global batches must report the same loss on two replicas as on one.",
        f"{reported:.6g} on two, {fit.reported:.6g} on one {where}",
        "Each replica must return its share of the global loss: use sslkeras.losses.global_mean or "
        "global_ratio.",
    )
