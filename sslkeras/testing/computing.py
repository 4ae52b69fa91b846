"""The same answer from eager execution, graphs, XLA and, roughly, half precision."""

import numpy as np
import tensorflow as tf

from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.testing.comparison import arrays, difference
from sslkeras.testing.subject import losses_and_gradients
from sslkeras.training.strategies import precision

_ROUNDING = {"relative": 1e-3, "absolute": 1e-5}
# bfloat16 keeps 8 bits: about half a per cent in each operation.
_HALF = 0.1
# A loss scale of 2**15 is halved after each overflow.
_MOST_TRIES = 16


def check_graph_equals_eager(subject):
    """Losses and gradients are the same called at once and in a tf.function."""
    for fit in subject.fits():
        _require_same(subject, fit, tf.function(losses_and_gradients), "in a tf.function")


def check_xla_equals_eager(subject):
    """Where `Task.xla` says so, losses and gradients are the same compiled by XLA."""
    if not subject.task.xla:
        raise NotApplicableError("The task does not declare `xla = True`.")
    for fit in subject.fits():
        compiled = tf.function(losses_and_gradients, jit_compile=True)
        try:
            compiled(fit.model, *fit.examples[0])
        except tf.errors.OpError as error:
            require(
                False,
                "A task with `xla = True` must have a step that XLA compiles.",
                f"{' '.join(str(error).split())[:300]} (stage '{fit.name}')",
                "Avoid ops of dynamic shape, or leave `xla` False.",
            )
        _require_same(subject, fit, compiled, "compiled by XLA")


def check_mixed_precision(subject):
    """In half precision the loss is about the same, weights stay float32 and are trained."""
    _ = subject.trained  # Before the policy changes.
    for policy in ("mixed_bfloat16", "mixed_float16"):
        with precision(policy):
            model = subject.build()
            stages = subject.stage_models(model)
        for fit, stage in zip(subject.fits(), stages):
            with precision(policy):
                model.set_weights(fit.all_before)
                _require_trains(subject, fit, stage, policy)


def _require_same(subject, fit, compute, where):
    model = fit.model
    model.set_weights(fit.before)
    eager = losses_and_gradients(model, *fit.examples[0])
    model.set_weights(fit.before)
    other = compute(model, *fit.examples[0])
    model.set_weights(fit.after)
    if subject.random_model:
        if all(np.all(np.isfinite(value)) for value in arrays(other)):
            return
    found = difference(other, eager, **_ROUNDING)
    require(
        found is None,
        "Losses and gradients must be the same however the step is run.",
        f"{found}, {where} against called directly (stage '{fit.name}')",
        "Use TensorFlow ops and variables only: Python code, NumPy and attributes are read once, "
        "when the step is traced.",
    )


def _require_trains(subject, fit, model, policy):
    where = f"in {policy} (stage '{fit.name}')"
    wrong = [v.name for v in model.trainable_variables if v.dtype != tf.float32]
    require(
        not wrong,
        "Trainable variables must stay float32 in mixed precision.",
        f"{', '.join(wrong[:6])} of another type {where}",
        "Give `dtype` to what computes, not to variables.",
    )
    subject.compile(model, fit)
    inputs, targets, weights = fit.examples[0]
    try:
        outputs, losses = model.losses_of(inputs, targets, weights, training=True)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        require(
            False,
            "The model must run in mixed precision.",
            f"{type(error).__name__} {where}: {' '.join(str(error).split())[:300]}",
            "Cast where tensors of two types meet; heads and losses compute in float32.",
        )
    model.set_weights(fit.before)
    fit.model.set_weights(fit.before)
    _, expected = fit.model.losses_of(inputs, targets, weights, training=True)
    fit.model.set_weights(fit.after)
    for player, loss in losses.items():
        ours, theirs = float(loss), float(expected[player])
        require(
            np.isfinite(ours)
            and (subject.random_model or abs(ours - theirs) <= _HALF * abs(theirs)),
            "The loss must be about the same in mixed precision as in float32.",
            f"{ours:.6g} {where}, {theirs:.6g} in float32",
            "Compute heads, norms, exponentials and sums in float32 (`dtype='float32'`).",
        )
    example = tuple(part for part in fit.examples[0] if part is not None)
    for _ in range(_MOST_TRIES):
        model.train_step(example)
        moved = [v for v, old in zip(model.weights, fit.before) if not np.array_equal(v, old)]
        if any(variable.trainable for variable in moved):
            break
    require(
        any(variable.trainable for variable in moved),
        "Weights must move in mixed precision.",
        f"none moved in {_MOST_TRIES} steps {where}",
        "Gradients underflow or overflow: compute the loss in float32.",
    )
    require(
        all(np.all(np.isfinite(v)) for v in moved if v.dtype.is_floating),
        "Weights must stay finite in mixed precision.",
        f"NaN or infinity after training {where}",
        "Apply gradients through the compiled optimizers, which unscale and check them.",
    )
