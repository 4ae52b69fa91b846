"""Every setting of a pretraining run: its range, default and meaning, declared once.

`sslkeras.pretrain(...)`, the flags of `sslkeras train` and docs/commands.md are made
from this table.
"""

import dataclasses

from sslkeras import notation
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    Boolean,
    Choice,
    Configurable,
    Constraint,
    Integer,
    Optional,
    Real,
    Text,
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: Argument of `pretrain` and flag of `sslkeras train`.
        default: Its default.
        allowed: What it may be.
        help: What it does, with its unit.
        defines_run: Whether a run with another value is another run. The others (where it
            runs, how often it is saved) may change when a run is resumed.
    """

    name: str
    default: object
    allowed: Constraint
    help: str
    defines_run: bool = True


SETTINGS = (
    Setting("epochs", None, Optional(Integer(1)), "Passes over the training split."),
    Setting(
        "steps", None, Optional(Integer(1)), "Updates in all, instead of epochs. One of the two."
    ),
    Setting("batch_size", 128, Integer(1), "Examples in a global batch, over all replicas."),
    Setting(
        "steps_per_epoch",
        None,
        Optional(Integer(1)),
        "Updates in an epoch; None: full batches in one pass over the split.",
    ),
    Setting(
        "optimizer",
        "adam",
        Text("an optimizer's name(key=value)"),
        "Optimizer from Keras, tensorflow-addons or sslkeras, e.g. lamb or sgd(momentum=0.9).",
    ),
    Setting(
        "learning_rate",
        None,
        Optional(Real(0, closed="right")),
        "Peak learning rate; None: the optimizer's own.",
    ),
    Setting(
        "scale_learning_rate",
        False,
        Boolean(),
        "Multiply the learning rate by batch_size / 256 (linear scaling rule).",
    ),
    Setting(
        "schedule",
        "constant",
        Text("a schedule's name(key=value)"),
        "Learning-rate schedule: constant, cosine, step, linear, inverse_sqrt; each takes "
        "warmup_steps= or warmup= (fraction of all updates).",
    ),
    Setting(
        "weight_decay",
        0.0,
        Real(0),
        "Decoupled weight decay; biases and normalisation are spared.",
    ),
    Setting(
        "clip_norm",
        None,
        Optional(Real(0, closed="right")),
        "Greatest global norm of the gradient; None: not clipped.",
    ),
    Setting(
        "accumulate",
        1,
        Integer(1),
        "Slices in which a batch is processed for one update, to save memory.",
    ),
    Setting(
        "hogwild",
        1,
        Integer(1),
        "Steps at the same time on one CPU, each on weights that the others change meanwhile: "
        "faster for sparse gradients, but no two runs are alike. Only with plain sgd.",
    ),
    Setting(
        "precision",
        "float32",
        Choice("float32", "mixed_float16", "mixed_bfloat16"),
        "Precision of the computation; weights stay float32.",
    ),
    Setting(
        "xla",
        "auto",
        Choice("auto", "on", "off"),
        "Compile the step with XLA; auto: on accelerators, for tasks that say it helps.",
    ),
    Setting(
        "pretext_on",
        "host",
        Choice("host", "device"),
        "Where the pretext runs: in the input pipeline or inside the training step.",
    ),
    Setting("seed", 0, Integer(0, 2**31 - 1), "Seed of weights, data order and pretext."),
    Setting(
        "deterministic",
        False,
        Boolean(),
        "Only deterministic ops: equal commands give equal bits on a CPU. Slower.",
    ),
    Setting(
        "early_stopping",
        None,
        Optional(Integer(1)),
        "Stop after this many epochs without a better held-out loss; None: never.",
    ),
    Setting(
        "validate_every",
        1,
        Integer(0),
        "Epochs between evaluations of the surrogate task on held-out data; 0: never.",
    ),
    Setting(
        "monitor_every",
        0,
        Integer(0),
        "Epochs between looks at the features: spread, effective rank, and k-NN accuracy "
        "where there are labels; 0: never.",
    ),
    Setting(
        "strategy",
        "default",
        Text("a strategy's name(key=value)"),
        "tf.distribute strategy: default, one_device, mirrored(devices=2), multi_worker, tpu.",
        defines_run=False,
    ),
    Setting(
        "data_service",
        None,
        Optional(Text("grpc://host:port, several separated by commas")),
        "Dispatchers of the tf.data service that make the training batches; None: this process.",
        defines_run=False,
    ),
    Setting(
        "checkpoint_seconds",
        300.0,
        Real(0),
        "Seconds between checkpoints.",
        defines_run=False,
    ),
    Setting(
        "checkpoint_steps",
        None,
        Optional(Integer(1)),
        "Updates between checkpoints as well; None: by time only.",
        defines_run=False,
    ),
    Setting(
        "keep_checkpoints",
        2,
        Integer(2),
        "Checkpoints to keep; two, so that a damaged one loses little.",
        defines_run=False,
    ),
    Setting(
        "steps_per_execution",
        None,
        Optional(Integer(1)),
        "Updates in one call of the graph; None: about half a second of them.",
        defines_run=False,
    ),
)

BY_NAME = {setting.name: setting for setting in SETTINGS}


class Settings(Configurable):
    """The settings of one run, checked. See `SETTINGS` for each."""

    hyperparameters = {setting.name: setting.allowed for setting in SETTINGS}

    def __init__(self, **given):
        for name in given:
            if name not in BY_NAME:
                raise ConfigurationError(
                    f"A setting of a run must be among those it has. Received: {name}="
                    f"{given[name]!r}.{notation.suggest(name, BY_NAME)} It takes: "
                    + ", ".join(f"{s.name}={s.default!r}" for s in SETTINGS)
                    + "."
                )
        super().__init__(**{s.name: given.get(s.name, s.default) for s in SETTINGS})
        if self.epochs is not None and self.steps is not None:
            raise ConfigurationError(
                "The length of a run must be given once. Received: "
                f"epochs={self.epochs}, steps={self.steps}. Leave one of them out."
            )
        if self.batch_size % self.accumulate:
            raise ConfigurationError(
                "`batch_size` must be a multiple of `accumulate`. Received: "
                f"batch_size={self.batch_size}, accumulate={self.accumulate}."
            )
        if self.hogwild > 1 and self.deterministic:
            raise ConfigurationError(
                "Steps at the same time come in no fixed order. Received: "
                f"hogwild={self.hogwild}, deterministic=True. Leave one of them out."
            )
        if self.early_stopping is not None and not self.validate_every:
            raise ConfigurationError(
                "Early stopping watches the held-out loss. Received: "
                f"early_stopping={self.early_stopping}, validate_every=0. Give validate_every."
            )

    def defining(self) -> dict:
        """The settings that make the run what it is."""
        return {s.name: getattr(self, s.name) for s in SETTINGS if s.defines_run}
