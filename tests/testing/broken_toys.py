"""Small tasks that each break the contract in one place. `BROKEN` says which check sees it."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.hyperparameters import Real
from tests.testing.sound_toys import Contrast, QueueModel
from tests.toys import Denoise

BROKEN = {}


def caught_by(check, message):
    """Notes by which check, and with which words, a toy must be caught."""

    def note(toy):
        BROKEN[toy] = (check, message)
        return toy

    return note


def with_model(model_class, name="WithModel"):
    """A class `name`: `Denoise` whose model is a `model_class`."""

    class WithModel(Denoise):
        def build_model(self, inputs, encoder, data):
            model = super().build_model(inputs, encoder, data)
            return model_class(model.input, model.output)

    WithModel.__name__ = WithModel.__qualname__ = name
    return WithModel


def registered(model_class):
    return keras.saving.register_keras_serializable(package="tests.testing")(model_class)


# --- Configuration and data ------------------------------------------------------------


@caught_by("config_round_trip", "level missing")
class ForgetsArgument(Denoise):
    def get_config(self):
        return {}


@caught_by("config_round_trip", "level=1.2 instead of 0.6")
class ChangesArgument(Denoise):
    def get_config(self):
        return {"level": 2 * self.level}


@caught_by("hyperparameters_are_checked", "power not declared")
class UndeclaredArgument(Denoise):
    def __init__(self, *, level=0.3, power=1):
        super().__init__(level=level)
        self.power = power

    def get_config(self):
        return {"level": self.level, "power": self.power}


@caught_by("hyperparameters_are_checked", r"level=-\S+ accepted")
class UncheckedArgument(Denoise):
    def __init__(self, *, level=0.3):
        super().__init__()
        self.level = level
        self._argument_names = ("level",)


@caught_by("hyperparameters_are_checked", "power=0.0 raised ZeroDivisionError")
class CrashingArgument(Denoise):
    hyperparameters = {**Denoise.hyperparameters, "power": Real(0)}

    def __init__(self, *, level=0.3, power=1.0):
        super(Denoise, self).__init__(level=level, power=power)
        self.inverse = 1 / power


@caught_by("reads_are_enforced", "a dataset without 'image' accepted")
class TakesAnyData(Denoise):
    def check(self, split):
        pass


@caught_by("least_sizes_suffice", r"InvalidArgumentError.*\(4, 4, 1\)")
class NeedsMoreThanItSays(Denoise):
    def pretext(self, batch, seed):
        tf.debugging.assert_greater(tf.shape(batch["image"])[1], 7)
        return super().pretext(batch, seed)


# --- Pretext ---------------------------------------------------------------------------


@caught_by("pretext_is_pure", "same examples for the same batch and seed")
class StatefulRandomness(Denoise):
    def pretext(self, batch, seed):
        image = batch["image"]
        return image * tf.round(tf.random.uniform(tf.shape(image))), image


@caught_by("pretext_is_pure", "the same examples for another seed")
class IgnoresSeed(Denoise):
    def pretext(self, batch, seed):
        return super().pretext(batch, tf.constant([1, 2]))


@caught_by("pretext_is_pure", "random_pretext=False, and other examples")
class RandomUnsaid(Denoise):
    random_pretext = False


@caught_by("pretext_is_pure", "NaN")
class DividesByZero(Denoise):
    def pretext(self, batch, seed):
        inputs, targets = super().pretext(batch, seed)
        return inputs / inputs, targets


@caught_by("pretext_runs_anywhere", "traced for an unknown batch size")
class OneByOne(Denoise):
    def pretext(self, batch, seed):
        images = [tf.image.flip_left_right(image) for image in tf.unstack(batch["image"])]
        return super().pretext({"image": tf.stack(images)}, seed)


@caught_by("pretext_runs_anywhere", "wherever it runs")
class CountsCalls(Denoise):
    def pretext(self, batch, seed):
        # In eager mode 0; what it is when traced is kept.
        return super().pretext(batch, seed + (0 if tf.executing_eagerly() else 1))


@caught_by("pretext_runs_anywhere", "first axes of")
class TargetForAll(Denoise):
    def pretext(self, batch, seed):
        inputs, targets = super().pretext(batch, seed)
        return inputs, tf.reduce_mean(targets, axis=0, keepdims=True)


@caught_by("targets_are_withheld", "target 0 is in input 0 for 100%")
class ShowsTheTarget(Denoise):
    def pretext(self, batch, seed):
        inputs, targets = super().pretext(batch, seed)
        return tf.concat([inputs, targets], axis=-1), targets


class Turned(Denoise):
    """Tells whether an image was turned upside down."""

    targets_in_inputs = "none"

    def pretext(self, batch, seed):
        image = batch["image"]
        turned = tf.random.stateless_uniform([tf.shape(image)[0]], seed, 0, 2, tf.int32)
        where = tf.cast(turned, tf.bool)[:, None, None, None]
        return tf.where(where, image[:, ::-1, ::-1], image), turned


@caught_by("targets_are_withheld", "read off")
class TurnedWithBorder(Turned):
    """The last row stays black where the image was turned."""

    def pretext(self, batch, seed):
        image, turned = super().pretext(batch, seed)
        border = tf.cast(tf.range(tf.shape(image)[1]) == tf.shape(image)[1] - 1, tf.float32)
        spoilt = tf.cast(turned, tf.float32)[:, None, None, None] * border[:, None, None]
        return image * (1 - spoilt), turned


# --- Learning --------------------------------------------------------------------------


@caught_by("loss_and_gradients", "All weights of the encoders.*conv")
class FrozenEncoder(Denoise):
    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        model.get_layer("encoder").trainable = False
        return model


@caught_by("loss_and_gradients", "Every variable of a player must get a gradient.*conv")
class StoppedEncoder(Denoise):
    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        image = keras.Input(inputs.shape[1:])
        code = model.get_layer("encoder")(image)
        code = keras.layers.Flatten()(tf.stop_gradient(code))
        flat = keras.layers.Dense(inputs.shape[1:].num_elements(), dtype="float32")(code)
        return keras.Model(image, keras.layers.Reshape(inputs.shape[1:])(flat))


@registered
class ForgottenPlayer(SurrogateModel):
    def players(self):
        return {"model": self.get_layer("encoder").trainable_variables}


ForgottenHead = with_model(ForgottenPlayer, "ForgottenHead")
caught_by("loss_and_gradients", "must move in training.*dense")(ForgottenHead)


@caught_by("loss_and_gradients", "gradient must be finite|loss must be finite")
class RootOfZero(Denoise):
    def loss(self):
        return lambda targets, outputs: tf.sqrt(tf.reduce_sum((targets - targets) * outputs, -1))


@caught_by("loss_is_a_mean", "twice over")
class SumsTheBatch(Denoise):
    def loss(self):
        return keras.losses.MeanSquaredError(reduction="sum")


@registered
class ClimbingModel(SurrogateModel):
    def losses_of(self, inputs, targets, weights, training):
        @tf.custom_gradient
        def reversed_gradient(x):
            return tf.identity(x), lambda upstream: -upstream

        outputs, losses = super().losses_of(inputs, targets, weights, training)
        return outputs, {"model": reversed_gradient(losses["model"])}


Climbs = with_model(ClimbingModel, "Climbs")
caught_by("loss_falls", "must fall")(Climbs)


# --- Ways to run -----------------------------------------------------------------------


@registered
class EagerModel(SurrogateModel):
    def losses_of(self, inputs, targets, weights, training):
        outputs, losses = super().losses_of(inputs, targets, weights, training)
        factor = 1.0 if tf.executing_eagerly() else 3.0
        return outputs, {"model": losses["model"] * factor}


ReadsPythonState = with_model(EagerModel, "ReadsPythonState")
caught_by("graph_equals_eager", "in a tf.function")(ReadsPythonState)


@caught_by("xla_equals_eager", "step that XLA compiles")
class NotForXLA(Denoise):
    xla = True

    def loss(self):
        def loss(targets, outputs):
            chosen = tf.boolean_mask(outputs - targets, targets > 0.5)
            return tf.numpy_function(np.zeros_like, [chosen], tf.float32) + tf.reduce_mean(
                tf.square(outputs - targets)
            )

        return loss


@caught_by("mixed_precision", "must run in mixed precision")
class HalfHead(Denoise):
    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        image = keras.Input(inputs.shape[1:])
        code = keras.layers.Flatten()(model.get_layer("encoder")(image))
        flat = keras.layers.Dense(inputs.shape[1:].num_elements())(code)
        return keras.Model(image, keras.layers.Reshape(inputs.shape[1:])(flat))

    def loss(self):
        return lambda targets, outputs: tf.square(targets - outputs)


@registered
class OwnMeanModel(SurrogateModel):
    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        # Right on one replica only.
        return outputs, {"model": tf.reduce_mean(tf.square(outputs - targets))}


MeanOfReplica = with_model(OwnMeanModel, "MeanOfReplica")
caught_by("two_replicas_equal_one", "share of the global loss")(MeanOfReplica)


@registered
class LocalQueueModel(QueueModel):
    def after_update(self, inputs, targets, outputs):
        self.enqueue(self.embedded(outputs)[1])


@caught_by("two_replicas_equal_one", "State must be the same")
class QueueOfReplica(Contrast):
    model_class = LocalQueueModel


# --- State -----------------------------------------------------------------------------


@registered
class ForgetfulModel(SurrogateModel):
    """Its bias is a Python number."""

    bias = 0.0

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask) + self.bias


@caught_by("saved_model_answers_alike", "same outputs after saving and loading")
class StateInModelAttribute(with_model(ForgetfulModel)):
    def adapt(self, model, batches):
        model.bias = 2.0


@caught_by("rebuilt_model_answers_alike", "same loss after saving and loading")
class StateInTaskAttribute(Denoise):
    scale = 1.0

    def adapt(self, model, batches):
        self.scale = 3.0

    def loss(self):
        return lambda targets, outputs: self.scale * tf.square(targets - outputs)


@caught_by("saved_model_answers_alike", "must survive")
class UnknownLayer(Denoise):
    def build_model(self, inputs, encoder, data):
        class Unregistered(keras.layers.Layer):
            def call(self, inputs):
                return inputs

        model = super().build_model(inputs, encoder, data)
        return keras.Model(model.input, Unregistered()(model.output))


@caught_by("saved_model_answers_alike", "`encoders` must find the trunks")
class RemembersEncoder(Denoise):
    """Finds its encoder by what it built, not by name."""

    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        self.trunk = model.get_layer("encoder")
        return model

    def encoders(self, model):
        return {"encoder": self.trunk}


@registered
class UntrackedModel(SurrogateModel):
    """Its steps shrink with a count that no checkpoint holds."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        count = tf.Variable(0.0, trainable=False)
        self.count = lambda: count

    def losses_of(self, inputs, targets, weights, training):
        outputs, losses = super().losses_of(inputs, targets, weights, training)
        return outputs, {"model": losses["model"] * (1 + self.count())}

    def after_update(self, inputs, targets, outputs):
        self.count().assign_add(1.0)


ForgetsOnResume = with_model(UntrackedModel, "ForgetsOnResume")
caught_by("resumed_run_equals_uninterrupted", "killed and resumed")(ForgetsOnResume)


@registered
class GreedyQueueModel(QueueModel):
    def losses_of(self, inputs, targets, weights, training):
        outputs, losses = super().losses_of(inputs, targets, weights, training)
        self.enqueue(self.embedded(outputs)[1])
        return outputs, losses


@caught_by("evaluation_changes_nothing", "change no weight and no state")
class EnqueuesInEvaluation(Contrast):
    model_class = GreedyQueueModel


# --- Use -------------------------------------------------------------------------------


@caught_by("model_fit_trains", "finite loss and metrics")
class UndefinedMetric(Denoise):
    def metrics(self):
        class Undefined(keras.metrics.Mean):
            def update_state(self, targets, outputs, sample_weight=None):
                return super().update_state(np.nan)

        return [Undefined(name="undefined")]


@caught_by("pictures_render", "InvalidArgumentError")
class CrashingDraw(Denoise):
    def draw(self, inputs, targets, predictions):
        return {"first": [inputs[i] for i in range(99)][98]}


@caught_by("pictures_render", "ValueError|TypeError")
class DrawsNoImage(Denoise):
    def draw(self, inputs, targets, predictions):
        return {"flat": tf.zeros([2, 3, 4, 5, 6, 7])}
