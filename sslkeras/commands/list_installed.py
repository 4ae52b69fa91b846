"""sslkeras list: what is installed, from which distribution; `list NAME` tells one in full.

    sslkeras list
    sslkeras list denoising_autoencoder

Listing reads metadata and source text: it imports neither plugins nor TensorFlow. With a
name, that one plugin is imported.
"""

import functools
import inspect
import shutil
import textwrap

from sslkeras import notation, registry, requirements
from sslkeras.commands import docstrings
from sslkeras.errors import ConfigurationError

FLAGS = ()
# Title to the registry, the class attribute that is worth a word, and that word.
_KINDS = {
    "Tasks": (registry.tasks, "reads", "reads"),
    "Datasets": (registry.datasets, "features", "offers"),
    "Encoders": (registry.encoders, None, None),
    "Probes": (registry.probes, "reads", "reads"),
}


def main(rest):
    if len(rest) > 1:
        raise ConfigurationError(
            f"`sslkeras list` takes one name at most. Received: {' '.join(rest)!r}. Leave the "
            "others out."
        )
    if not rest:
        print(overview())
        return
    for index, text in enumerate(full(rest[0])):
        print("\n" * bool(index) + text)


def overview() -> str:
    """Every installed name with its distribution and one line on it."""
    lines, disabled = [], []
    needs = functools.cache(requirements.of)
    for title, (known, attribute, verb) in _KINDS.items():
        lines.append(title)
        disabled += [entry.name for entry in known.disabled_entries()]
        entries = known.entries()
        if not entries:
            lines.append("  none installed")
        offered = [entry.name for entry in entries]
        for entry in entries:
            found = known.alternatives(entry, attribute) if attribute else []
            facts = " or ".join(", ".join(names) for names in found if names)
            text = entry.summary or entry.value
            if facts:
                text += f" ({verb} {facts})"
            if entry.missing:
                text = f"BROKEN: there is no module {entry.module}. Install it anew or remove it."
            lacking = [str(needed) for needed in needs(entry.distribution) if needed.missing]
            if lacking:
                text = f"BROKEN: it needs {', '.join(lacking)}; install what is missing."
            if offered.count(entry.name) > 1:
                text = "CONFLICT: offered more than once; uninstall one. " + text
            lines.append(f"  {entry.name:<27} {entry.distribution} {entry.version}")
            lines += _wrapped(text, " " * 6)
        lines.append("")
    if disabled:
        lines += _wrapped(f"Left out by {registry.DISABLE}: {', '.join(disabled)}.", "")
    lines.append("`sslkeras list NAME` shows the arguments, their ranges and the paper.")
    lines.append("`sslkeras doctor` tries each of them and says what is wrong.")
    return "\n".join(lines)


def full(name: str):
    """Yields what is to be known of `name`, once for each kind in which it is installed.

    Raises:
        ConfigurationError: If nothing of that name is installed.
        PluginError: If it cannot be loaded.
    """
    found = [(title, known) for title, (known, *_) in _KINDS.items() if name in known.names()]
    if not found:
        for known, *_ in _KINDS.values():
            known.refuse_disabled(name)
        names = sorted({n for known, *_ in _KINDS.values() for n in known.names()})
        raise ConfigurationError(
            f"A name must be that of something installed. Received: '{name}'."
            f"{notation.suggest(name, names)} `sslkeras list` shows what is."
        )
    for title, known in found:
        yield _describe(title, known, name)


def _describe(title, known, name):
    loaded = known.load(name)
    entry = known.entry(name)
    _, attribute, verb = _KINDS[title]
    about, explained = docstrings.split_arguments(inspect.getdoc(loaded) or "")
    lines = [
        f"{title[:-1]} '{name}'",
        f"from {entry.distribution} {entry.version}",
        f"({entry.value})",
        "",
        about,
        "",
        "Arguments",
    ]
    parameters = [
        parameter
        for parameter in inspect.signature(loaded).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    for parameter in parameters:
        lines.append(
            f"  {parameter.name} (required)"
            if _required([parameter])
            else f"  {parameter.name} = {parameter.default!r}"
        )
        lines += _wrapped(explained.get(parameter.name, ""), " " * 6)
        constraint = loaded.hyperparameters.get(parameter.name)
        if constraint:
            lines += _wrapped(f"Must be {constraint.description}.", " " * 6)
    if not parameters:
        lines.append("  none")
    # What a task reads and how it is judged depends on its arguments.
    made = loaded() if known is registry.tasks and not _required(parameters) else loaded
    facts = getattr(made, attribute) if attribute else None
    if facts:
        lines += ["", verb.capitalize(), *_facts(facts)]
        for names in known.alternatives(entry, attribute):
            if not set(names) <= set(facts):
                lines.append(f"  with other arguments: {', '.join(names)}")
    if known is registry.tasks:
        lines += ["", "Judged by"]
        lines += _wrapped(f"{', '.join(made.probes)}, unless --probes says otherwise", "  ")
        lines += ["", "Paper", textwrap.indent(docstrings.of_module(loaded), "  ")]
    return "\n".join(lines)


def _required(parameters):
    return any(parameter.default is parameter.empty for parameter in parameters)


def _facts(facts):
    """One line a feature: with its least shape (a task) or what it is (a dataset)."""
    for feature in facts:
        about = facts[feature] if isinstance(facts, dict) else None
        if isinstance(about, (tuple, list)):
            least = " x ".join("any" if size is None else str(size) for size in about)
            about = f"at least {least}" if set(about) - {None, 1} else ""
        yield f"  {feature}: {about}" if about else f"  {feature}"


def _wrapped(text, indent):
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 100)
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
