"""sslkeras list: what is installed, from which distribution; `list NAME` tells one in full.

    sslkeras list
    sslkeras list denoising_autoencoder

Listing reads metadata and source text: it imports neither plugins nor TensorFlow.
"""

import inspect
import shutil
import textwrap

from sslkeras import notation, registry
from sslkeras.errors import ConfigurationError, PluginError

_KINDS = {
    "Tasks": (registry.tasks, "reads"),
    "Datasets": (registry.datasets, "features"),
    "Encoders": (registry.encoders, None),
    "Probes": (registry.probes, "reads"),
}


def define_flags():
    return []


def main(rest):
    if len(rest) > 1:
        raise ConfigurationError(
            f"`sslkeras list` takes one name at most. Received: {' '.join(rest)!r}."
        )
    print(overview() if not rest else full(rest[0]))


def overview() -> str:
    """Every installed name with its distribution and one line on it."""
    width = max(shutil.get_terminal_size((100, 24)).columns, 60)
    parts = []
    for title, (known, attribute) in _KINDS.items():
        parts.append(f"{title}")
        entries = known.entries()
        if not entries:
            parts.append("  none installed")
        offered = [entry.name for entry in entries]
        for entry in entries:
            facts = entry.literal(attribute) if attribute else None
            line = entry.summary or entry.value
            if facts:
                verb = "offers" if attribute == "features" else "reads"
                line += f" ({verb} {', '.join(facts)})"
            if offered.count(entry.name) > 1:
                line = "CONFLICT: offered more than once. " + line
            parts.append(f"  {entry.name:<24}{entry.distribution} {entry.version}")
            parts.append(
                textwrap.fill(line, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
            )
        parts.append("")
    parts.append("`sslkeras list NAME` shows the arguments, their ranges and the paper.")
    return "\n".join(parts)


def full(name: str) -> str:
    """The arguments, ranges, defaults, description and paper of one name.

    Raises:
        ConfigurationError: If nothing of that name is installed.
    """
    found = [
        (title, known) for title, (known, _) in _KINDS.items() if name in known.names()
    ]
    if not found:
        names = sorted({n for known, _ in _KINDS.values() for n in known.names()})
        raise ConfigurationError(
            f"Nothing called '{name}' is installed.{notation.suggest(name, names)} "
            "`sslkeras list` shows what is."
        )
    return "\n\n".join(_describe(title, known, name) for title, known in found)


def _describe(title, known, name):
    entry = known.entry(name)
    heading = f"{title[:-1]} {name} ({entry.distribution} {entry.version}, {entry.value})"
    try:
        loaded = known.load(name)
    except PluginError as error:
        return f"{heading}\n\nbroken: {error}"
    lines = [heading, "", inspect.getdoc(loaded) or "", "", "Arguments:"]
    parameters = list(inspect.signature(loaded).parameters.values())
    for parameter in parameters:
        default = "required" if parameter.default is parameter.empty else repr(parameter.default)
        constraint = loaded.hyperparameters.get(parameter.name)
        allowed = f"  must be {constraint.description}" if constraint else ""
        lines.append(f"  {parameter.name} = {default}{allowed}")
    if not parameters:
        lines.append("  none")
    if known is registry.tasks:
        lines += ["", "Reads:"]
        for feature, least in loaded.reads.items():
            shape = " x ".join("any" if n is None else str(n) for n in least or ())
            lines.append(f"  {feature}, at least {shape}" if shape else f"  {feature}")
        lines += ["", "Paper:", textwrap.indent(inspect.getdoc(inspect.getmodule(loaded)), "  ")]
    return "\n".join(lines)
