"""A saved model is the model: outputs, losses and encoders, with no state left behind."""

import pathlib
import tempfile

import keras
import tensorflow as tf

from sslkeras.testing.broken_contract import require
from sslkeras.testing.comparison import difference

_ROUNDING = {"relative": 1e-4, "absolute": 1e-6}


def check_saved_model_answers_alike(subject):
    """`.keras` save and load, into a process that knows the task by its configuration only."""
    model = subject.trained_copy()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.keras")
        try:
            model.save(path)
            loaded = keras.models.load_model(path, compile=False)
        except Exception as error:
            require(
                False,
                "The model must survive `model.save` and `keras.models.load_model`.",
                f"{type(error).__name__}: {' '.join(str(error).split())[:400]}",
                "Register own classes with keras.saving.register_keras_serializable, and give "
                "`get_config` to layers with arguments. The constructor of a SurrogateModel must "
                "be `__init__(self, inputs, outputs, name=None, trainable=True, **kwargs)`.",
            )
    _require_alike(subject, loaded, "loaded from a .keras file")


def check_rebuilt_model_answers_alike(subject):
    """A model built anew from the configuration, given the weights, as a loaded run is."""
    fresh = subject.fresh_task()
    _require_alike(subject, subject.trained_copy(fresh), "built anew and given the weights", fresh)


def _require_alike(subject, other, how, task=None):
    task = task or subject.fresh_task()
    state = (
        "State must lie in weights of the model (not in attributes of task or model, which are "
        "lost)."
    )
    last = subject.trained[-1]
    subject.model.set_weights(subject.all_after)
    found = difference(other.get_weights(), subject.all_after)
    require(
        found is None,
        "A model must have the same weights after saving and loading.",
        f"{found}, {how}",
        "Make all weights in `build_model`, in one order.",
    )
    inputs, targets, weights = subject.examples(subject.task.pretext)[0]
    found = difference(
        other(inputs, training=False), subject.model(inputs, training=False), **_ROUNDING
    )
    require(
        found is None,
        "A model must give the same outputs after saving and loading.",
        f"{found}, {how}",
        state,
    )
    if last.model is subject.model and last.has_own_loss:
        loss = task.loss()
        optimizers = {name: "sgd" for name in other.players()}
        other.compile(optimizers, loss=loss)
        _, ours = subject.model.losses_of(inputs, targets, weights, training=False)
        try:
            _, theirs = other.losses_of(inputs, targets, weights, training=False)
        except Exception as error:
            require(
                False,
                "A model must have the same loss after saving and loading.",
                f"{type(error).__name__}: {error}, {how}",
                state,
            )
        found = difference(theirs, ours, **_ROUNDING)
        require(
            found is None,
            "A model must have the same loss after saving and loading.",
            f"{found}, {how}",
            state,
        )
    _require_same_encoders(subject, task, other, how)


def _require_same_encoders(subject, task, other, how):
    ours = subject.task.encoders(subject.model)
    remedy = "Find them by layer name, as `model.get_layer('encoder')` does."
    try:
        theirs = task.encoders(other)
    except Exception as error:
        require(
            False,
            "`encoders` must find the trunks in a model that was saved and loaded.",
            f"{type(error).__name__}: {error}, {how}",
            remedy,
        )
    require(
        list(ours) == list(theirs) and set(task.encoder_reads()) == set(ours),
        "`encoders` must give the same names for every model, and `encoder_reads` those names.",
        f"{list(ours)}, {list(theirs)} {how}, and {list(task.encoder_reads())} in `encoder_reads`",
        remedy,
    )
    for name, encoder in ours.items():
        given = _inputs_for(subject, encoder, task.encoder_reads()[name])
        found = difference(
            theirs[name](given, training=False), encoder(given, training=False), **_ROUNDING
        )
        require(
            found is None,
            "An encoder must give the same features after saving and loading.",
            f"{found} of '{name}', {how}",
            remedy,
        )


def _inputs_for(subject, encoder, feature):
    """The raw feature, where the encoder takes it as it is; else numbers in its shapes."""
    value = subject.raw_batches[0].get(feature)
    if (
        value is not None
        and len(encoder.inputs) == 1
        and encoder.inputs[0].shape.is_compatible_with(value.shape)
    ):
        return value

    def numbers(tensor):
        shape = [subject.batch_size, *(size or 16 for size in tensor.shape[1:])]
        return tf.cast(tf.random.stateless_uniform(shape, [1, 2]), tensor.dtype)

    return tf.nest.map_structure(numbers, encoder.input)
