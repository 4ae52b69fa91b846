"""The loss is one, and what is meant to learn does."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.testing.comparison import arrays
from sslkeras.testing.subject import losses_and_gradients

_DESCENTS, _STRIDE = 20, 0.02
# Of a layer that begins with zeros the first steps are tiny.
_MORE_DESCENTS = 60
_LEAST_FALL = 1e-3


def check_loss_and_gradients(subject):
    """Finite losses, and finite gradients that are not 0 for all that is meant to learn."""
    learning, unmoved = {}, {}
    for fit in subject.trained:
        require(
            np.isfinite(fit.reported),
            "The loss must be finite.",
            f"{fit.reported} in stage '{fit.name}'",
            "Guard divisions, logarithms and square roots.",
        )
        for player, variables in fit.model.players().items():
            for variable, gradient in zip(variables, fit.gradients[player]):
                values = arrays([gradient])
                require(
                    not values or np.all(np.isfinite(values[0])),
                    "Every gradient must be finite.",
                    f"NaN or infinity for {variable.name} (player '{player}')",
                    "Guard divisions, square roots and norms of what may be 0.",
                )
                learns = bool(values) and np.any(values[0] != 0)
                learning[id(variable)] = learning.get(id(variable), False) or learns
                unmoved[id(variable)] = (variable, player)
    if not all(learning.values()):
        # What comes before a layer that begins with zeros has a gradient after an update only.
        for key in _learning_later(subject):
            learning[key] = True
    silent = [
        f"{variable.name} (player '{player}')"
        for key, (variable, player) in unmoved.items()
        if not learning[key] and not _fixed(subject, variable)
    ]
    require(
        not silent,
        "Every variable of a player must get a gradient that is not 0 in some stage.",
        f"none for {', '.join(silent[:6])}",
        "Look for a tf.stop_gradient, a tf.cast to integers or a layer that is not called; leave "
        "what is not meant to learn out of `players()`, or name it in `fixed`.",
    )
    moved = {key for fit in subject.trained for key, changed in fit.moved.items() if changed}
    still = [
        variable.name
        for variable in _meant_to_learn(subject)
        if id(variable) not in moved and not _fixed(subject, variable)
    ]
    require(
        not still,
        "All weights of the encoders, and all other trainable weights, must move in training.",
        f"{', '.join(still[:6])} as before after {len(subject.raw_batches)} updates of each stage",
        "Have them among `players()` of a stage (and not `trainable = False`), or name them in "
        "`fixed`.",
    )


def check_loss_is_a_mean(subject):
    """The loss of a batch is that of the same batch twice over: a mean, not a sum."""
    for fit in subject.fits():
        inputs, targets, weights = fit.examples[0]
        fit.model.set_weights(fit.before)
        _, once = fit.model.losses_of(inputs, targets, weights, training=False)
        twice = tf.nest.map_structure(lambda x: tf.concat([x, x], axis=0), (inputs, targets))
        double = None if weights is None else tf.concat([weights, weights], axis=0)
        _, both = fit.model.losses_of(*twice, double, training=False)
        fit.model.set_weights(fit.after)
        for player in once:
            ratio = float(both[player]) / (float(once[player]) or 1.0)
            require(
                abs(ratio - 2) > 0.02,
                "The loss must be a mean over the examples, as the learning rate would else depend "
                "on the batch size and on the number of replicas.",
                f"{float(both[player]):.6g} for a batch twice over, {float(once[player]):.6g} for "
                f"it once (player '{player}')",
                "Reduce by sslkeras.losses.global_mean, or a keras loss with reduction='auto'.",
            )


def check_loss_falls(subject):
    """On a fixed batch each player, moving alone, lowers its own loss."""
    played = False
    for fit in subject.fits():
        fit.model.set_weights(fit.before)
        for player, variables in fit.model.players().items():
            if not variables:
                continue
            played = True
            averaged, losses = 4 if subject.random_model else 1, []
            for loss in _descent(fit, player, variables):
                losses.append(float(loss))
                first, last = np.mean(losses[:averaged]), np.mean(losses[-averaged:])
                fell = last < first - _LEAST_FALL * abs(first)
                if fell and len(losses) == _DESCENTS:
                    break
            require(
                fell,
                "The loss of a fixed batch must fall when its gradient is followed.",
                f"{first:.6g} before and {last:.6g} after {len(losses)} small steps of player "
                f"'{player}' (stage '{fit.name}')",
                "The gradient must be that of the loss: look for one stopped in the wrong place, "
                "or a loss that does not depend on the prediction.",
            )
            fit.model.set_weights(fit.before)
        fit.model.set_weights(fit.after)
    if not played:
        raise NotApplicableError("No player has variables: the model updates them by itself.")


def _descent(fit, player, variables):
    """Losses of steps in which each variable moves by a share of its own size."""
    graph = tf.function(losses_and_gradients)
    for _ in range(_MORE_DESCENTS):
        losses, gradients = graph(fit.model, *fit.examples[0])
        yield losses[player]
        for variable, gradient in zip(variables, gradients[player]):
            if gradient is not None:
                gradient = tf.convert_to_tensor(gradient)
                stride = _STRIDE * (_size(variable) + 0.01) / (_size(gradient) + 1e-12)
                variable.assign_sub(stride * gradient)


def _size(tensor):
    return tf.sqrt(tf.reduce_mean(tf.square(tensor)))


def _learning_later(subject):
    """Ids of the variables whose gradient is not 0 after the updates of their stage."""
    for fit in subject.fits():
        fit.model.set_weights(fit.after)
        _, gradients = losses_and_gradients(fit.model, *fit.examples[0])
        fit.model.set_weights(fit.after)
        for player, variables in fit.model.players().items():
            for variable, gradient in zip(variables, gradients[player]):
                if gradient is not None and np.any(arrays([gradient])[0] != 0):
                    yield id(variable)


def _meant_to_learn(subject):
    """The model's trainable weights, and those that an encoder would have unless frozen."""
    found = list(subject.model.trainable_variables)
    for encoder in subject.task.encoders(subject.model).values():
        for layer in encoder.submodules:
            if not isinstance(layer, keras.layers.Layer) or layer.trainable or not layer.weights:
                continue
            if any(isinstance(part, keras.layers.Layer) for part in layer.submodules):
                continue
            layer.trainable = True
            found += layer.trainable_weights
            layer.trainable = False
    return list({id(variable): variable for variable in found}.values())


def _fixed(subject, variable):
    return any(part in variable.name for part in subject.fixed)
