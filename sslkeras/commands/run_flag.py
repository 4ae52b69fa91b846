"""The flag --run, shared by the commands that look at a run."""

import pathlib

from absl import flags

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import ListOf, Optional, Text
from sslkeras.training.settings import Setting

_WHAT, _MEANING = Text("a run's folder"), "Folder that `sslkeras train --output` wrote"
RUN = Setting("run", None, Optional(_WHAT), f"{_MEANING}; must be given.")
RUNS = Setting("run", None, Optional(ListOf(_WHAT)), f"{_MEANING}; at least one must be given.")


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


def given_runs(flag_values=flags.FLAGS) -> list:
    """The values of --run where it may be given several times, each a run folder.

    Raises:
        ConfigurationError: If it was not given, or one folder twice.
        RunError: If one of them holds no run.
    """
    from sslkeras.training.run_folder import RunFolder

    folders = given_run(flag_values)
    places = [pathlib.Path(folder).resolve() for folder in folders]
    for folder, place in zip(folders, places):
        if places.count(place) > 1:
            raise ConfigurationError(
                f"Each run must be given once. Received: --run={folder} twice. Leave one out."
            )
        RunFolder(folder).config()
    return folders
