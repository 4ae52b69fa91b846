"""A task under test with its small data and encoder, and what several checks share."""

import dataclasses
import functools
import math

import keras
import numpy as np
import tensorflow as tf

from sslkeras import registry
from sslkeras.datasets.dataset import Order, as_dataset, as_float
from sslkeras.encoders.encoder import as_encoder
from sslkeras.task import Task
from sslkeras.testing.small_dataset import small_dataset
from sslkeras.training.pipeline import pretext_seed
from sslkeras.training.run import build_model, input_spec
from sslkeras.training.surrogate_model import as_surrogate_model

STEPS = 3
# Of its own size a weight moves about this much in an update.
SHARE_MOVED = 0.01


@dataclasses.dataclass
class Fit:
    """One stage after some updates on fixed batches.

    Attributes:
        name: Of the stage.
        model: The `SurrogateModel` of the stage, compiled.
        examples: A list of `(inputs, targets, weights)` batches.
        loss: What the model was compiled with.
        has_own_loss: Whether that is the task's own loss.
        rates: Learning rate by player.
        gradients: By player, of the first batch before the first update.
        moved: Whether a variable of the stage's model changed, by its id.
        before, after: Weights of the stage's model before and after.
        all_before, all_after: Those of the whole model.
        reported: The loss that `fit` reported.
    """

    name: str
    model: keras.Model
    examples: list
    loss: object
    has_own_loss: bool
    rates: dict
    gradients: dict
    moved: dict
    all_before: list
    before: list
    after: list
    all_after: list
    reported: float


class Subject:
    """A task under test.

    Args:
        task: Name, `name(key=value)`, or a `Task`, in a small configuration.
        dataset: Name, `Dataset` or `tf.data.Dataset` of dicts, small: some four batches.
            None for waves in the sizes that the task reads.
        encoder: Name, `Encoder` or function, small and without batch normalisation. None
            for one layer.
        batch_size: Even, examples in a global batch.
        fixed: Parts of names of variables that are not meant to learn.
        random_model: Whether layers of the model draw at random in training, such as
            dropout: what compares two trainings is then left out.
        skip: Name of a check to the reason why it is left out.
    """

    def __init__(
        self,
        task,
        *,
        dataset=None,
        encoder=None,
        batch_size=8,
        fixed=(),
        random_model=False,
        skip=None,
    ):
        self._task, self._dataset, self._encoder = task, dataset, encoder
        self.batch_size, self.fixed = batch_size, tuple(fixed)
        self.random_model, self.skip = random_model, dict(skip or {})

    def __repr__(self):
        if isinstance(self._task, str):
            return self._task
        arguments = ", ".join(f"{k}={v!r}" for k, v in self._task.get_config().items())
        return f"{type(self._task).__name__}({arguments})"

    # What is tested.

    @functools.cached_property
    def task(self) -> Task:
        """The task."""
        return registry.tasks.create(self._task) if isinstance(self._task, str) else self._task

    @functools.cached_property
    def data(self):
        """The small dataset."""
        return small_dataset(self.task) if self._dataset is None else as_dataset(self._dataset)

    @functools.cached_property
    def encoder(self):
        """The factory of small trunks."""
        return as_encoder(small_encoder if self._encoder is None else self._encoder)

    @property
    def name(self) -> str:
        """What messages call the task."""
        return getattr(self.task, "registered_name", None) or type(self.task).__name__

    def fresh_task(self) -> Task:
        """An equal task that has seen nothing."""
        fresh = type(self.task)(**self.task.get_config())
        if hasattr(self.task, "registered_name"):
            fresh.registered_name = self.task.registered_name
        return fresh

    # Examples.

    @functools.cached_property
    def raw_batches(self) -> list:
        """`STEPS` full raw batches, pixels in [0, 1]."""
        batches = self.task.raw_batches(self.data.train, self.batch_size, order=Order(0))
        return [as_float(batch) for batch in batches.take(STEPS)]

    def pretexts(self):
        """`(stage, pretext)` of the task's own pretext, under "", and of each other one."""
        yield "", self.task.pretext
        if type(self.task).stages is not Task.stages:
            for stage in self.task.stages(self.build()):
                if stage.pretext is not None:
                    yield stage.name, stage.pretext

    def examples(self, pretext) -> list:
        """`(inputs, targets, weights)` of each raw batch."""
        return [
            keras.utils.unpack_x_y_sample_weight(pretext(batch, pretext_seed(0, number)))
            for number, batch in enumerate(self.raw_batches)
        ]

    # Models.

    def build(self, task=None) -> keras.Model:
        """The whole model with fresh weights, equal in each call."""
        keras.utils.set_random_seed(0)
        inputs = self._inputs if task is None else None
        return build_model(task or self.task, self.data, self.encoder, inputs)

    @functools.cached_property
    def _inputs(self):
        """What the model takes; found by tracing the pretext, so that once is enough."""
        return input_spec(self.task, self.data)

    def fits(self):
        """Each of `trained`; a model that several stages share is compiled for the one given."""
        shared = len({id(fit.model) for fit in self.trained}) < len(self.trained)
        for fit in self.trained:
            if shared:
                self.compile(fit.model, fit)
            yield fit

    def compile(self, model, fit):
        """Compiles the stage model of `fit`, or another like it, as it was in training."""
        optimizers = {name: keras.optimizers.SGD(rate) for name, rate in fit.rates.items()}
        model.compile(optimizers, loss=fit.loss, measure_waiting=False)

    @functools.cached_property
    def trained(self) -> list[Fit]:
        """All stages in order, each after `STEPS` updates by plain gradient descent."""
        return [self._fit(stage) for stage in self.task.stages(self.model)]

    @functools.cached_property
    def all_after(self) -> list:
        """Weights of the whole model after all stages."""
        self.model.set_weights(self.trained[-1].all_after)
        return self.trained[-1].all_after

    @functools.cached_property
    def model(self) -> keras.Model:
        """The whole model, adapted to the data; trained once `trained` was asked for."""
        model = self.build()
        self.task.adapt(model, self._whole_pass())
        return model

    def trained_copy(self, task=None) -> keras.Model:
        """The whole model built anew, with the weights of the trained one."""
        model = self.build(task)
        model.set_weights(self.all_after)
        return model

    def has_batch_normalisation(self) -> bool:
        """Whether the model normalises by the batch, which couples its examples."""
        return any(
            isinstance(part, keras.layers.BatchNormalization)
            for part in [*self.model.submodules, self.model]
        )

    def stage_models(self, model) -> list:
        """The stage models over another whole model."""
        return [as_surrogate_model(stage.model) for stage in self.task.stages(model)]

    def _whole_pass(self):
        return self.task.raw_batches(self.data.train, self.batch_size).map(as_float)

    def _fit(self, stage):
        if stage.prepare is not None:
            stage.prepare(self._whole_pass())
        model = as_surrogate_model(stage.model)
        loss = stage.loss or self.task.loss()
        metrics = self.task.metrics() if stage.metrics is None else stage.metrics
        examples = self.examples(stage.pretext or self.task.pretext)
        all_before, before = self.model.get_weights(), model.get_weights()
        model.compile(
            {name: keras.optimizers.SGD() for name in model.players()},
            loss=loss,
            metrics=metrics,
            measure_waiting=False,
        )
        _, gradients = losses_and_gradients(model, *examples[0])
        rates = {
            name: _rate(variables, gradients[name]) for name, variables in model.players().items()
        }
        for name, rate in rates.items():
            model.optimizers[name].learning_rate = rate
        model.set_weights(before)
        history = model.fit(as_batches(examples), epochs=1, verbose=0).history
        after = model.get_weights()
        return Fit(
            name=stage.name,
            model=model,
            examples=examples,
            loss=loss,
            has_own_loss=stage.loss is None,
            rates=rates,
            gradients=gradients,
            moved={
                id(variable): not np.array_equal(old, new)
                for variable, old, new in zip(model.weights, before, after)
            },
            all_before=all_before,
            before=before,
            after=after,
            all_after=self.model.get_weights(),
            reported=float(history["loss"][-1]),
        )


def small_encoder(shape) -> keras.Model:
    """One layer: a convolution of images, else a dense one. Without batch normalisation."""
    example = keras.Input(shape)
    if len(shape) == 3:
        features = keras.layers.Conv2D(4, 3, 2, padding="same", activation="elu")(example)
    else:
        features = keras.layers.Dense(8, activation="tanh")(keras.layers.Flatten()(example))
    return keras.Model(example, features)


def as_batches(examples) -> tf.data.Dataset:
    """A `tf.data.Dataset` of given batches, as they stand."""
    single = [
        tf.data.Dataset.from_tensors(tuple(part for part in example if part is not None))
        for example in examples
    ]
    return functools.reduce(lambda one, other: one.concatenate(other), single)


def losses_and_gradients(model, inputs, targets, weights):
    """Loss by player, and what its update follows: the gradients of its variables, or None."""
    with tf.GradientTape(persistent=True) as tape:
        outputs, losses = model.losses_of(inputs, targets, weights, training=True)
        objectives = model.objectives_of(losses, outputs)
    gradients = {
        name: tape.gradient(objectives[name], variables)
        for name, variables in model.players().items()
    }
    return losses, gradients


def _rate(variables, gradients):
    """The learning rate at which an update moves the weights by `SHARE_MOVED` of their size."""

    def size(tensors):
        return math.sqrt(
            sum(float(tf.reduce_sum(tf.square(tf.convert_to_tensor(t)))) for t in tensors)
        )

    learning = [(v, g) for v, g in zip(variables, gradients) if g is not None]
    length = size([gradient for _, gradient in learning])
    if not learning or not math.isfinite(length) or length == 0:
        return 1e-3
    return SHARE_MOVED * (size([variable for variable, _ in learning]) or 1.0) / length
