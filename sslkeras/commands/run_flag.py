"""The flag --run, shared by the commands that look at a run."""

from absl import flags

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Optional, Text
from sslkeras.training.settings import Setting

RUN = Setting(
    "run",
    None,
    Optional(Text("a run's folder")),
    "Folder that `sslkeras train --output` wrote; must be given.",
)


def given_run(flag_values=flags.FLAGS):
    """The value of --run.

    Raises:
        ConfigurationError: If it was not given.
    """
    if not flag_values.run:
        raise ConfigurationError(
            "The run must be named. Received: no --run. Give the folder that "
            "`sslkeras train --output` wrote, as --run=FOLDER."
        )
    return flag_values.run
