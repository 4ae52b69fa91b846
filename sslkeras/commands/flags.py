"""The flags of `sslkeras train`, for any absl script with one call.

    from absl import app
    from sslkeras.commands import flags

    flags.define()                                # --task, --dataset, --epochs, ...

    def main(argv):
        run = sslkeras.pretrain(**flags.arguments())

    app.run(main)
"""

from absl import flags

from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras.training.settings import SETTINGS

_NAMES = (
    ("task", None, "Surrogate task, as name or name(key=value); required."),
    ("dataset", "digits", "Dataset, as name or name(key=value)."),
    ("encoder", "convnet", "Encoder, as name or name(key=value)."),
    ("output", None, "Folder of the run; the same command on it resumes. None: keep nothing."),
    ("init_from", None, "Folder of another run whose encoder weights this one begins with."),
)
_PROBES_HELP = (
    "How the encoder is judged unless `sslkeras evaluate` says otherwise, as name or "
    "name(key=value); may be given several times. None: as the task says."
)


def define(flag_values=flags.FLAGS) -> list[str]:
    """Declares the flags of `sslkeras train` and returns their names.

    Args:
        flag_values: Where to declare them.
    """
    for name, default, text in _NAMES:
        flags.DEFINE_string(name, default, text, flag_values=flag_values)
    flags.DEFINE_multi_string("probes", None, _PROBES_HELP, flag_values=flag_values)
    for setting in SETTINGS:
        _define_setting(setting, flag_values)
    return [name for name, *_ in _NAMES] + ["probes"] + [s.name for s in SETTINGS]


def arguments(flag_values=flags.FLAGS) -> dict:
    """The flags' values as arguments of `sslkeras.pretrain`."""
    names = [name for name, *_ in _NAMES] + ["probes"] + [s.name for s in SETTINGS]
    return {name: flag_values[name].value for name in names}


def _define_setting(setting, flag_values):
    allowed = setting.allowed.constraint if isinstance(setting.allowed, Optional) else setting.allowed
    text = f"{setting.help} Must be {setting.allowed.description}."
    common = (setting.name, setting.default)
    # Ranges are checked by Settings, whose message says what to do.
    if isinstance(allowed, Boolean):
        flags.DEFINE_bool(*common, text, flag_values=flag_values)
    elif isinstance(allowed, Choice):
        flags.DEFINE_enum(*common, list(allowed.values), text, flag_values=flag_values)
    elif isinstance(allowed, Integer):
        flags.DEFINE_integer(*common, text, flag_values=flag_values)
    elif isinstance(allowed, Real):
        flags.DEFINE_float(*common, text, flag_values=flag_values)
    else:
        flags.DEFINE_string(*common, text, flag_values=flag_values)
