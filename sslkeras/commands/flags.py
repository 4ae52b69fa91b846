"""The flags of `sslkeras train`, for any absl script with one call.

from absl import app
import sslkeras
from sslkeras.commands import flags

flags.define()                                # --task, --dataset, --epochs, ...

def main(argv):
    run = sslkeras.pretrain(**flags.arguments())

app.run(main)
"""

from absl import flags

from sslkeras.commands import flag_table
from sslkeras.hyperparameters import ListOf, Optional, Text
from sslkeras.training.settings import SETTINGS, Setting

# A script that declares these flags finds them in its own --help.
flags.disclaim_key_flags()

FLAGS = (
    Setting(
        "task",
        None,
        Optional(Text("a task's name or name(key=value)")),
        "Surrogate task; must be given.",
    ),
    Setting(
        "dataset", "digits", Text("a dataset's name or name(key=value)"), "Examples to learn from."
    ),
    Setting(
        "encoder",
        "convnet",
        Text("an encoder's name or name(key=value)"),
        "Trunk that is pretrained.",
    ),
    Setting(
        "output",
        None,
        Optional(Text("a folder")),
        "Folder of the run; the same command on it resumes the run. None: keep nothing.",
    ),
    Setting(
        "init_from",
        None,
        Optional(Text("a run's folder")),
        "Another run, whose weights of the encoder, or its trunk, this one begins with. None: "
        "random weights.",
    ),
    Setting(
        "probes",
        None,
        Optional(ListOf(Text("a probe's name or name(key=value)"))),
        "How `sslkeras evaluate` judges the encoder by default. None: as the task says.",
    ),
    *SETTINGS,
)


def define(flag_values=flags.FLAGS) -> list[str]:
    """Declares the flags of `sslkeras train` and returns their names.

    Args:
        flag_values: Where to declare them.
    """
    flag_table.declare(FLAGS, flag_values)
    return [setting.name for setting in FLAGS]


def arguments(flag_values=flags.FLAGS) -> dict:
    """The flags' values as arguments of `sslkeras.pretrain`."""
    return {setting.name: flag_values[setting.name].value for setting in FLAGS}
