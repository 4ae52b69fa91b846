"""The errors sslkeras raises on purpose, in one tree.

    SslkerasError                    everything below
    ├── ConfigurationError           a name, an argument or a combination of them (a ValueError)
    ├── PluginError                  a plugin that cannot be loaded or offers the wrong thing
    ├── DataError                    a dataset that is missing, empty, corrupt or lacks a feature
    ├── RunError                     a run folder that cannot be used as asked
    │   └── CheckpointError          no checkpoint in it can be read, or none can be written
    ├── NonFiniteLossError           the loss became NaN or infinite
    └── Interrupted                  SIGTERM, or a worker was lost; the run can be resumed

Each message has three parts: what must hold, what was received, what to do. The
commands print it without a traceback and exit with `exit_status`.
"""


class SslkerasError(Exception):
    """Root of the errors that sslkeras raises on purpose."""

    exit_status = 1


class ConfigurationError(SslkerasError, ValueError):
    """A name, an argument or a combination of arguments is not possible."""

    # AutoGraph hands an error of a traced function on as it is only with this constructor.
    __init__ = Exception.__init__


class PluginError(SslkerasError):
    """An installed plugin cannot be loaded, or two offer the same name."""


class DataError(SslkerasError):
    """A dataset is missing, empty, corrupt, or lacks what a task reads."""


class RunError(SslkerasError):
    """A run folder cannot be used as asked."""


class CheckpointError(RunError):
    """No checkpoint can be read, or one cannot be written."""


class NonFiniteLossError(SslkerasError, ArithmeticError):
    """The loss became NaN or infinite."""


class Interrupted(SslkerasError):
    """SIGTERM arrived or a worker was lost: the same command, on all workers, resumes the run."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h: try the same command again.
