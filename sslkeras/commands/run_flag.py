"""The flag --run, shared by the commands that look at a run."""

from absl import flags

from sslkeras.errors import ConfigurationError


def define_run_flag():
    """Declares --run."""
    flags.DEFINE_string("run", None, "Folder that `sslkeras train --output` wrote.")


def given_run():
    """The value of --run.

    Raises:
        ConfigurationError: If it was not given.
    """
    if not flags.FLAGS.run:
        raise ConfigurationError(
            "The run must be named. Received: no --run. Give the folder that "
            "`sslkeras train --output` wrote, as --run=FOLDER."
        )
    return flags.FLAGS.run
