"""The flags of a command as a table of `Setting`s: declared, checked and described once."""

import re

from absl import flags

from sslkeras import notation
from sslkeras.hyperparameters import (
    Boolean,
    Choice,
    Integer,
    ListOf,
    Optional,
    Real,
    check_argument,
)

# A script that declares these flags finds them in its own --help.
flags.disclaim_key_flags()


def declare(settings, flag_values=flags.FLAGS):
    """Declares an absl flag for each setting; None as the default is "not given"."""
    for setting in settings:
        allowed = _given(setting)
        text = f"{setting.help} Must be {allowed.description}."
        common = (setting.name, setting.default)
        if isinstance(allowed, Boolean):
            flags.DEFINE_bool(*common, setting.help, flag_values=flag_values)
        elif isinstance(allowed, Choice):
            flags.DEFINE_enum(*common, list(allowed.values), setting.help, flag_values=flag_values)
        elif isinstance(allowed, ListOf):
            flags.DEFINE_multi_string(*common, setting.help, flag_values=flag_values)
        # Ranges are checked by `check` and by what takes the values: absl's own bounds
        # would show them a second time and in other words.
        elif isinstance(allowed, Integer):
            flags.DEFINE_integer(*common, text, flag_values=flag_values)
        elif isinstance(allowed, Real):
            flags.DEFINE_float(*common, text, flag_values=flag_values)
        else:
            flags.DEFINE_string(*common, text, flag_values=flag_values)


def check(settings, command, flag_values=flags.FLAGS):
    """Raises `ConfigurationError` for the first flag whose value is out of its range."""
    for setting in settings:
        value = flag_values[setting.name].value
        if value is not None:
            check_argument(f"`{command}`", f"--{setting.name}", value, _given(setting))


def spelling(setting) -> str:
    """How the flag is written, e.g. "--[no]debug"."""
    return f"--[no]{setting.name}" if isinstance(_given(setting), Boolean) else f"--{setting.name}"


def allowed(setting) -> str:
    """What may be given, in words."""
    constraint = _given(setting)
    if isinstance(constraint, Boolean):
        return "true or false"
    if isinstance(constraint, Choice):
        return "one of " + ", ".join(constraint.values)
    if isinstance(constraint, ListOf):
        return f"{constraint.item.description}; may be given several times"
    return constraint.description


def default(setting) -> str:
    """The default as it would be written on the command line."""
    if isinstance(setting.default, bool):
        return str(setting.default).lower()
    return str(setting.default)


def explain(error, settings, command) -> str:
    """The message for flags that absl could not parse."""
    known = {setting.name: setting for setting in settings}
    more = f"`{command} --help` lists the flags."
    if isinstance(error, flags.UnrecognizedFlagError):
        given = f"--{error.flagname}"
        near = notation.suggest(given, [f"--{name}" for name in (*known, "flagfile")])
        return f"A flag must be one that `{command}` has. Received: {given}.{near} {more}"
    illegal = re.match(r"flag --(\w+)=(.*?): ", str(error), re.DOTALL)
    if illegal and illegal[1] in known:
        return (
            f"`--{illegal[1]}` of `{command}` must be {allowed(known[illegal[1]])}. "
            f"Received: {illegal[2]!r}. {more}"
        )
    reason = str(error).removeprefix("ERROR:: ").rstrip(".")
    return f"The flags of `{command}` must be readable. Received: {reason}. {more}"


def _given(setting):
    """What may be given where None is the flag left out."""
    return setting.allowed.constraint if isinstance(setting.allowed, Optional) else setting.allowed
