"""The contract of a surrogate task: the pretext, the model and the loss.

    raw batch --> pretext --> (inputs, targets) --> model --> prediction --> loss
                 (withholds)                         |
                                                     +--> encoder

Nothing else in sslkeras knows how any one task works. What a task does differently is
a method here or in `SurrogateModel`, never a case in the trainer.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import typing

import keras
import tensorflow as tf

from sslkeras.datasets import dataset as data_module
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Configurable


@dataclasses.dataclass
class Stage:
    """One fit of a task that is trained in stages (greedy layers, freeze then train).

    Attributes:
        name: Unique within the task; names the stage in the history, e.g. "layer1".
        model: What this stage trains; shares its layers with the task's whole model.
        pretext: `pretext(batch, seed)` of this stage, or None for the task's own.
        loss: Loss of this stage, or None for the task's own.
        metrics: Metrics of this stage, or None for the task's own.
        epochs: Epochs of this stage, or None for those the run asks for.
        prepare: Called with an iterable of raw float batches before the stage begins, to
            fit constants that depend on the stages before; None for nothing to do.
    """

    name: str
    model: keras.Model
    pretext: typing.Callable | None = None
    loss: object = None
    metrics: object = None
    epochs: int | None = None
    prepare: typing.Callable | None = None


class Task(Configurable, abc.ABC):
    """A surrogate task. A plugin implements this one class.

    Subclasses take keyword-only arguments, declare them in `hyperparameters` and pass
    them to `super().__init__`. The class docstring says what is withheld and predicted,
    the module docstring names the paper.

    Attributes:
        reads: The features that a raw example must offer and their least shapes, as a
            literal: `{"image": (height, width, channels)}`. An instance whose arguments
            ask for more (a patch size) sets its own `self.reads`.
        optional_reads: Names of features that are read as well where a dataset offers them.
        probes: How the encoder is judged unless the user says otherwise, in the
            `name(key=value)` notation.
        xla: Whether the training step may be compiled by XLA (on accelerators).
        random_pretext: Whether the pretext draws from its seed. `sslkeras.testing` holds a
            task to this and to the next.
        targets_in_inputs: How much of the targets the inputs may show: "none" (what is
            predicted cannot be read off the inputs of noise), "some" (no target is an
            input, or a part of one, as it stands) or "all" (the task withholds something
            else, such as capacity).
    """

    reads: dict = {"image": (1, 1, 1)}
    optional_reads: tuple = ()
    probes: tuple = ("linear", "knn")
    xla: bool = False
    random_pretext: bool = True
    targets_in_inputs: str = "some"

    # What every task has.

    @abc.abstractmethod
    def pretext(self, batch, seed):
        """Withholds a part of a raw batch.

        TensorFlow ops only, on the whole batch, for an unknown batch size. Runs inside
        tf.data on the host or inside the training step on the device, with the same
        answer, so all randomness must come from `seed` through stateless ops.

        Args:
            batch: The features in `reads`, each `(batch, ...)`; pixels float32 in [0, 1].
            seed: int32 `(2,)`. Use `tf.random.split` for several draws.

        Returns:
            `(inputs, targets)` or `(inputs, targets, weights)` with tensors `(batch, ...)`.
        """

    @abc.abstractmethod
    def build_model(self, inputs, encoder, data) -> keras.Model:
        """Builds the model that predicts what was withheld.

        Args:
            inputs: `tf.TensorSpec` structure of the batched inputs, as `pretext` gives them.
            encoder: Factory of the trunk, `encoder(input_shape) -> keras.Model`; the model
                is a layer of what is returned, by default under the name "encoder".
            data: The `Dataset`, for a vocabulary or the like.

        Returns:
            A functional `keras.Model` or a `SurrogateModel`, not compiled.
        """

    @abc.abstractmethod
    def loss(self):
        """A `keras.losses.Loss`, a dict of them by output, or None if the model adds its own."""

    # What a task may add.

    def metrics(self) -> list:
        """Fresh `keras.metrics.Metric` objects (or a dict of lists by output name)."""
        return []

    def select(self, examples: tf.data.Dataset, seed) -> tf.data.Dataset:
        """Turns raw examples into raw examples before batching: pair, group, reject, expand.

        Args:
            examples: Single raw examples, shuffled; one pass or endless.
            seed: int64 `(2,)`, different in each epoch; use stateless ops only.
        """
        raise TypeError("select() is only called where a task overrides it.")

    def examples_per_epoch(self, size: int) -> int:
        """How many selected examples make one epoch over `size` raw ones."""
        return size

    def adapt(self, model, batches):
        """Fits data-dependent constants (whitening, colour clusters) into weights of `model`.

        Called once, before the first step. `batches` is an iterable of raw float batches.
        """

    def stages(self, model) -> list[Stage]:
        """The fits that train `model`, in order; by default one."""
        return [Stage("train", model)]

    def encoders(self, model) -> dict[str, keras.Model]:
        """The trained trunks by name; the first is the one that probes judge."""
        return {"encoder": model.get_layer("encoder")}

    def encoder_reads(self) -> dict[str, str]:
        """Which raw feature each encoder takes; by default the first that the task reads."""
        return {"encoder": next(iter(self.reads))}

    def draw(self, inputs, targets, predictions) -> dict:
        """What was withheld and what was answered, for `sslkeras show`.

        Returns:
            Title to a column with one cell an example: images float32 `(examples, height,
            width, channels)` in [0, 1], clips `(examples, time, height, width, channels)`,
            or a list of strings.
        """
        return {}

    # What the house does with it.

    def check(self, split):
        """Raises `DataError` if `split` lacks a feature that the task reads or it is too small."""
        name = getattr(self, "registered_name", type(self).__name__)
        for feature, least in self.reads.items():
            if feature not in split.features:
                offered = ", ".join(sorted(split.features)) or "no features"
                raise DataError(
                    f"Task '{name}' reads the feature '{feature}', which the dataset must offer. "
                    f"Received: a dataset with {offered}. "
                    f"Choose a dataset with '{feature}' (`sslkeras list` shows what each offers)."
                )
            shape = split.features[feature].shape
            if shape.rank is None or least is None:
                continue
            if shape.rank != len(least) or any(
                have is not None and need is not None and have < need
                for have, need in zip(shape, least)
            ):
                need = " x ".join("any" if n is None else str(n) for n in least)
                have = " x ".join("any" if n is None else str(n) for n in shape)
                raise DataError(
                    f"Task '{name}' needs '{feature}' of at least {need}. Received: {have}. "
                    "Choose larger examples or smaller sizes in the task's arguments."
                )

    def check_batch_size(self, batch_size: int, replicas: int):
        """Raises `ConfigurationError` if this task cannot be trained on batches of that size.

        Called before a run begins. A task whose state or loss depends on the size overrides it.

        Args:
            batch_size: Examples in a global batch.
            replicas: How many replicas share it equally.
        """

    @property
    def selects(self) -> bool:
        """Whether this task overrides `select`."""
        return type(self).select is not Task.select

    def raw_batches(self, split, batch_size, *, order=None, start=0, share=data_module.WHOLE):
        """Batches of what `pretext` gets, in their stored dtype.

        A task with several streams of different batch sizes overrides this.
        See `Split.batches` for the arguments.
        """
        optional = (name for name in self.optional_reads if name in split.features)
        only = (*self.reads, *optional)
        if not self.selects:
            return split.batches(batch_size, order=order, start=start, share=share, only=only)

        def one_epoch(order, start):
            seed = data_module.order_seed(order)
            selected = self.select(split.examples(order=order, only=only), seed)
            # What is selected depends on what is read, so the batches before are made too.
            return selected.batch(batch_size, drop_remainder=order is not None).skip(start)

        batches = data_module.over_epochs(order, start, one_epoch)
        if share.count == 1:
            return batches
        part = data_module.part_size(batch_size, share)
        return batches.map(lambda batch: data_module.slice_of(batch, share.index, part))

    def examples(self, data, batch_size, *, seed=0, steps=None, training=True):
        """A `tf.data.Dataset` of what `model.fit` takes, from user code.

        Args:
            data: A split (`dataset.train`), or a `tf.data.Dataset` of dicts of features.
            batch_size: Examples in a batch.
            seed: Integer; equal seeds give equal data.
            steps: Batches in an epoch; None for one pass over the data.
            training: True: full batches, in another order and with other randomness each
                time the dataset is iterated. False: one fixed pass in the stored order.

        Returns:
            `(inputs, targets)` batches of one epoch.

        Raises:
            DataError: If the data lacks what this task reads, or is smaller than a batch.
        """
        from sslkeras.training import pipeline

        if not isinstance(data, data_module.Split):
            data = data_module.as_dataset(data).train
        return pipeline.user_examples(
            self, data, batch_size, seed=seed, steps=steps, training=training
        )

    @functools.cached_property
    def paper(self) -> str:
        """The module's docstring, which names the paper."""
        import inspect

        return inspect.getdoc(inspect.getmodule(type(self))) or ""
