"""A finished or unfinished run, loaded: task, data, model and encoders."""

import importlib
import pathlib
import re
import zipfile

import keras
import tensorflow as tf

from sslkeras import registry
from sslkeras.datasets.dataset import as_dataset, as_float
from sslkeras.encoders.encoder import as_encoder, collected_trunks
from sslkeras.errors import ConfigurationError, RunError
from sslkeras.text.in_graph import from_texts
from sslkeras.training.checkpoints import Checkpoints
from sslkeras.training.history import read_history
from sslkeras.training.pipeline import held_out_batches
from sslkeras.training.run_folder import RunFolder
from sslkeras.training.settings import BY_NAME
from sslkeras.training.surrogate_model import as_surrogate_model


class Run:
    """What a run is made of.

    Attributes:
        folder: Its folder as a `pathlib.Path`, or None.
        config: What run.json says.
        task: The `Task`.
        data: The `Dataset`.
        encoder: The `Encoder`, a factory of trunks.
        model: The whole trained model.
        trunks: What `encoder` built of it, in order: tuple of `keras.Model`.
        history: One dict an epoch.
        finished: Whether the training ran to its end.
    """

    def __init__(
        self,
        *,
        config,
        task,
        data,
        encoder,
        model,
        history,
        trunks=(),
        folder=None,
        finished=True,
    ):
        self.folder = None if folder is None else pathlib.Path(folder)
        self.config, self.task, self.data, self.encoder = config, task, data, encoder
        self.model, self.trunks, self.history = model, tuple(trunks), history
        self.finished = finished

    @property
    def encoders(self) -> dict:
        """The trained trunks by name; the first is the one that probes judge."""
        return self.task.encoders(self.model)

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self._setting("seed")

    @property
    def batch_size(self) -> int:
        """Global batch size of the run."""
        return self._setting("batch_size")

    def _setting(self, name):
        # A setting that was not there when the run was trained had its default.
        return self.config["settings"].get(name, BY_NAME[name].default)

    def untrained_model(self, seed: int) -> keras.Model:
        """The same architecture with fresh random weights."""
        keras.utils.set_random_seed(seed)
        return build_model(self.task, self.data, self.encoder)

    def held_out(self):
        """One pass over the held-out data as `(inputs, targets)` batches."""
        return held_out_batches(self.task, self.data.test, self.batch_size, seed=self.seed)

    def surrogate_metrics(self) -> dict:
        """The surrogate task's loss and metrics on held-out data."""
        model = as_surrogate_model(self.model)
        model.compile("sgd", loss=self.task.loss(), metrics=self.task.metrics())
        return model.evaluate(self.held_out(), verbose=0, return_dict=True)


def input_spec(task, data):
    """`tf.TensorSpec` structure of the batched inputs that `task` makes of `data`."""
    batches = task.raw_batches(data.train, 2)
    pretext = tf.function(lambda batch: task.pretext(as_float(batch), tf.constant([0, 0])))
    spec = pretext.get_concrete_function(batches.element_spec).structured_outputs
    return tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), spec[0]
    )


def build_model(task, data, encoder, inputs=None) -> keras.Model:
    """The task's model with fresh weights, with sslkeras's training step.

    Args:
        task: The `Task`.
        data: The `Dataset`.
        encoder: Factory of the trunk.
        inputs: What `input_spec` says, where it is known already.
    """
    inputs = input_spec(task, data) if inputs is None else inputs
    return as_surrogate_model(task.build_model(inputs, encoder, data))


def load_run(folder, *, task=None, dataset=None, encoder=None) -> Run:
    """Loads a run folder: everything is rebuilt by name, then weights are read.

    No code or pickled object of the folder is executed.

    Args:
        folder: What `sslkeras train --output` or `pretrain(output=...)` wrote.
        task: The task, where it was an object of user code; None: from run.json.
        dataset: Likewise.
        encoder: Likewise.

    Raises:
        RunError: If the folder holds no run, or something must be given.
        CheckpointError: If no checkpoint is intact.
    """
    folder = RunFolder(folder)
    config = folder.config()
    task = _rebuild(config["task"], task, registry.tasks, "task")
    data = as_dataset(_rebuild(config["dataset"], dataset, registry.datasets, "dataset"))
    folder.check_tokenizer(data.tokenizer)
    encoder = as_encoder(_rebuild(config["encoder"], encoder, registry.encoders, "encoder"))
    with collected_trunks() as trunks:
        model = build_model(task, data, encoder)
    checkpoints = Checkpoints(folder.checkpoints)
    position = checkpoints.restore(tf.train.Checkpoint(model=model), partly=True)
    if position is None:
        raise RunError(
            f"A run must have a checkpoint to be loaded. Received: {folder.path} without one. "
            "Repeat its training command to go on."
        )
    return Run(
        config=config,
        task=task,
        data=data,
        encoder=encoder,
        model=model,
        trunks=trunks,
        history=read_history(folder.history) if folder.history.is_file() else [],
        folder=folder.path,
        finished=position.get("finished") is True,
    )


def load_encoder(folder, name=None, *, texts=False, **given) -> keras.Model:
    """The trained encoder of a run.

    Args:
        folder: The run's folder.
        name: Which encoder, for tasks with several; None: the main one.
        texts: Whether it shall take raw strings `(batch,)` instead of ids; runs on texts only.
            Tokens beyond the length of its windows are cut off.
        **given: See `load_run`.

    Returns:
        `keras.Model` from the raw feature (images float32 in [0, 1]) to features.

    Raises:
        ConfigurationError: If there is no encoder of this name, or none that reads texts.
        RunError: If the run cannot be loaded, or `texts` is asked of a run on anything else.
    """
    tokenizer = RunFolder(folder).tokenizer() if texts else None
    encoders = load_run(folder, **given).encoders
    if name is None:
        name = next(iter(encoders))
    if name not in encoders:
        raise ConfigurationError(
            f"`name` must be one of the run's encoders. Received: {name!r}. There are: "
            f"{', '.join(encoders)}."
        )
    return from_texts(encoders[name], tokenizer) if texts else encoders[name]


def register_classes(path) -> None:
    """Makes the classes of sslkeras in a `.keras` file known to `keras.models.load_model`.

    Keras finds them only where their modules are imported. Nothing but installed modules of
    sslkeras and its plugins is imported, and the model itself is not made: to load a `.keras` file
    of somebody else is to run their code.

    Args:
        path: The file: a run's encoder.keras, or what `sslkeras export --format=keras` wrote.

    Raises:
        RunError: If it is no `.keras` file, or a module is not installed.
    """
    try:
        with zipfile.ZipFile(path) as file:
            config = file.read("config.json").decode("utf-8")
        for module in sorted(set(re.findall(r'"module": "(sslkeras[\w.]*)"', config))):
            importlib.import_module(module)
    except (OSError, KeyError, ValueError, ImportError, zipfile.BadZipFile) as error:
        raise RunError(
            f"A .keras file must be one that Keras wrote, and what wrote it installed. Received: "
            f"{path} ({error}). Restore the file, or install its plugin."
        ) from error


def load_tokenizer(folder):
    """What turned the texts of a run into ids: `load_tokenizer(folder).encode(text)`.

    Raises:
        RunError: If the run was not trained on texts.
    """
    return RunFolder(folder).tokenizer()


def _rebuild(described, given, known, noun):
    if given is not None:
        return known.create(given) if isinstance(given, str) else given
    if "name" not in described:
        raise RunError(
            f"The {noun} of this run came from user code ({described.get('class')}) and must be "
            f"given again. Received: none. Call load_run(folder, {noun}=...)."
        )
    arguments = described.get("arguments", {})
    if not isinstance(arguments, dict):
        raise RunError(
            f"The {noun} in run.json must name its arguments. Received: {arguments!r}. Restore "
            "run.json from a backup."
        )
    return known.rebuild(described["name"], arguments)
