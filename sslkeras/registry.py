"""Finds tasks, datasets, encoders and probes by entry point and makes one by name.

A distribution offers something by an entry point:

    [project.entry-points."sslkeras.tasks"]
    rotation = "sslkeras_rotation.task:Rotation"

Listing reads metadata and source text and imports nothing; `load` imports one plugin. A
broken plugin is shown with its error and harms no other. The bundled tasks, datasets,
encoders and probes come through the same door.

The environment variable SSLKERAS_DISABLE_PLUGINS leaves out what it names: distributions or
offered names, with commas between them.
"""

import ast
import dataclasses
import functools
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import os
import re

from sslkeras import notation, report
from sslkeras.errors import ConfigurationError, PluginError

DISABLE = "SSLKERAS_DISABLE_PLUGINS"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One offered name: where it comes from, without importing it."""

    name: str
    value: str  # "package.module:Class"
    distribution: str
    version: str

    @property
    def origin(self):
        """Distribution, version and value, for messages."""
        return f"{self.distribution} {self.version}, {self.value}"

    @property
    def module(self) -> str:
        """The module named by the entry."""
        return self.value.partition(":")[0].strip()

    @property
    def attribute(self) -> str:
        """The dotted name inside the module, without extras; "" if there is none."""
        return self.value.partition(":")[2].partition("[")[0].strip()

    @functools.cached_property
    def missing(self) -> bool:
        """Whether there is no such module, as far as can be told without an import."""
        return _spec(self.module) is None

    @property
    def disabled_by(self) -> str | None:
        """The word in SSLKERAS_DISABLE_PLUGINS that leaves this out, or None."""
        for word in disabled():
            if word == self.name or _normal(word) == self.distribution:
                return word
        return None

    @property
    def summary(self) -> str:
        """First line of the docstring, read from the source."""
        found = self._definition
        doc = ast.get_docstring(found.node) if found else None
        return doc.splitlines()[0] if doc else ""

    @functools.cached_property
    def _definition(self):
        return _find(self.module, self.attribute)


@dataclasses.dataclass(frozen=True)
class _Definition:
    """A class or function in the source of a module."""

    module: str
    node: ast.ClassDef | ast.FunctionDef


def disabled() -> list[str]:
    """The words in SSLKERAS_DISABLE_PLUGINS."""
    words = (word.strip() for word in os.environ.get(DISABLE, "").split(","))
    return [word for word in words if word]


def _normal(distribution):
    """The name of a distribution as pip compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _spec(module):
    """The spec of `module`, found without importing its package; None if there is none."""
    name, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(name)
        for part in rest:
            folders = spec.submodule_search_locations if spec else None
            if folders is None:
                return None
            name = f"{name}.{part}"
            spec = importlib.machinery.PathFinder.find_spec(name, folders)
    except (ImportError, AttributeError, ValueError):
        return None
    return spec


def _body(module):
    """The statements of `module`; none if it has no readable source."""
    spec = _spec(module)
    try:
        return ast.parse(spec.loader.get_source(spec.name)).body
    except (AttributeError, ImportError, OSError, SyntaxError, TypeError, ValueError):
        return []


def _find(module, name, depth=5):
    """The definition of `name` in `module` or where `module` imports it from, or None."""
    for node in _body(module):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return _Definition(module, node)
        if isinstance(node, ast.ImportFrom) and depth:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(_imported(module, node), alias.name, depth - 1)
    return None


def _imported(module, node):
    """The absolute name of the module that `from ... import` in `module` names."""
    if not node.level:
        return node.module
    spec = _spec(module)
    package = module if spec.submodule_search_locations else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if node.module else package


def _alternatives(definition, attribute, depth=5):
    """Tuples of names by the source, and whether a base class has nothing to add."""
    if definition is None or not depth:
        return [], False
    own, always = [], []
    for method in definition.node.body:
        if isinstance(method, ast.FunctionDef):
            own += [_names(node.value) for node in ast.walk(method) if _sets(node, attribute)]
            # At the outermost level of a method: whatever the arguments are.
            always += [_names(node.value) for node in method.body if _sets(node, attribute)]
    own = [names for names in own if names is not None]
    if any(names is not None for names in always):
        return own, True
    for node in definition.node.body:
        if _sets(node, attribute, of_class=True):
            names = _names(node.value)
            return ([] if names is None else [names]) + own, True
    if always:
        return own, True
    for base in getattr(definition.node, "bases", ()):
        if isinstance(base, ast.Name):
            found = _find(definition.module, base.id)
            inherited, decided = _alternatives(found, attribute, depth - 1)
            if inherited or decided:
                return inherited + own, decided
    return own, False


def _sets(node, attribute, of_class=False):
    """Whether a statement assigns to `self.attribute`, or in a class body to `attribute`."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    else:
        return False
    wanted = attribute if of_class else f"self.{attribute}"
    return any(ast.unparse(target) == wanted for target in targets)


def _names(value):
    """The strings that a dict has as keys or a tuple has as items; None if not literal."""
    items = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", [None])
    if not all(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in items):
        return None
    return tuple(item.value for item in items)


_unreadable = {}


def unreadable() -> dict[str, str]:
    """Where metadata could not be read when names were looked up, and why."""
    return dict(_unreadable)


def _offers(group):
    """Entry points of `group` as (distribution, version, entry point), once a distribution."""
    seen = set()
    for distribution in importlib.metadata.distributions():
        # Reading this one file is quick, and most distributions do not have it.
        text = distribution.read_text("entry_points.txt")
        if not text or group not in text:
            continue
        try:
            name = _normal(distribution.metadata["Name"])
            version = distribution.version
            points = list(distribution.entry_points.select(group=group))
        except Exception as error:  # Broken metadata must harm no other distribution.
            where = str(getattr(distribution, "_path", "a distribution"))
            if where not in _unreadable:
                _unreadable[where] = f"{type(error).__name__}: {error}"
                report.warn(
                    f"{where} is left out: its metadata must be readable. Received: "
                    f"{_unreadable[where]}. Install it anew or remove it."
                )
            continue
        # A checkout's metadata can lie on the path beside the installed one; Python
        # imports the first, so the first counts.
        if name not in seen:
            seen.add(name)
            yield from ((name, version, point) for point in points)


class Registry:
    """What is installed of one kind.

    Args:
        group: Entry-point group, e.g. "sslkeras.tasks".
        noun: What one of them is called in messages, e.g. "task".
        base: "module:Class" that each must be a subclass of; imported on first load.
    """

    def __init__(self, group: str, noun: str, base: str):
        self.group, self.noun, self._base = group, noun, base

    def entries(self) -> list[Entry]:
        """All offers that are not disabled, sorted by name; one made twice is in it twice."""
        return [entry for entry in self._all() if entry.disabled_by is None]

    def disabled_entries(self) -> list[Entry]:
        """The offers that SSLKERAS_DISABLE_PLUGINS leaves out."""
        return [entry for entry in self._all() if entry.disabled_by is not None]

    def _all(self):
        found = {
            Entry(point.name, point.value, distribution, version)
            for distribution, version, point in _offers(self.group)
        }
        return sorted(found, key=lambda entry: (entry.name, entry.distribution, entry.value))

    def refuse_disabled(self, name: str):
        """Raises `ConfigurationError` if `name` is only offered by what is disabled."""
        if name in self.names():
            return
        for entry in self.disabled_entries():
            if entry.name == name:
                origin = f"{entry.distribution} {entry.version}"
                raise ConfigurationError(
                    f"{self.noun.capitalize()} '{name}' ({origin}) must not be disabled to be "
                    f"used. Received: {DISABLE}={os.environ[DISABLE]!r}. "
                    f"Take '{entry.disabled_by}' out of that variable."
                )

    def names(self) -> list[str]:
        """The installed names, sorted."""
        return sorted({entry.name for entry in self.entries()})

    def alternatives(self, entry: Entry, attribute: str) -> list[tuple]:
        """The names that a collection holds, such as the features a task reads, by the source.

        Returns:
            A tuple of names for the class attribute `attribute`, its own or inherited, and for
            each assignment to `self.attribute`, which the class may choose by its arguments.
            One that is always assigned replaces the class attribute. What is no literal is
            left out, so that the list may be empty.
        """
        definition = entry._definition
        names, decided = _alternatives(definition, attribute)
        if definition is not None and not decided:
            default = Entry("", self._base, "", "")._definition
            names = _alternatives(default, attribute)[0] + names
        return list(dict.fromkeys(names))

    def entry(self, name: str) -> Entry:
        """The one offer of `name`.

        Raises:
            ConfigurationError: If nobody offers it, or it is disabled; the message has the
                nearest names.
            PluginError: If two distributions offer it.
        """
        entries = self.entries()
        offers = [entry for entry in entries if entry.name == name]
        if not offers:
            self.refuse_disabled(name)
            names = sorted({entry.name for entry in entries})
            raise ConfigurationError(
                f"No {self.noun} '{name}' is installed.{notation.suggest(name, names)} "
                f"Installed: {', '.join(names) or 'none'}."
            )
        if len(offers) > 1:
            by = " and ".join(f"{entry.distribution} {entry.version}" for entry in offers)
            raise PluginError(
                f"{self.noun.capitalize()} '{name}' is offered by {by}. Uninstall one of them."
            )
        return offers[0]

    def load(self, name: str) -> type:
        """Imports the class behind `name` and checks it.

        Raises:
            ConfigurationError: If the name is unknown.
            PluginError: If it is offered twice, fails to import, or is of the wrong class.
        """
        entry = self.entry(name)
        try:
            loaded = importlib.import_module(entry.module)
            if entry.attribute:
                loaded = functools.reduce(getattr, entry.attribute.split("."), loaded)
        except (Exception, SystemExit) as error:  # Whatever a plugin raises is its failure.
            raise PluginError(
                f"{self.noun.capitalize()} '{name}' ({entry.origin}) failed to import: "
                f"{type(error).__name__}: {error}. Other {self.noun}s still work."
            ) from error
        base_module, _, base_name = self._base.partition(":")
        base = getattr(importlib.import_module(base_module), base_name)
        offered = f"{self.noun.capitalize()} '{name}' ({entry.distribution} {entry.version})"
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            kind = "class" if isinstance(loaded, type) else type(loaded).__name__
            raise PluginError(
                f"{offered} must be a subclass of sslkeras.{base_name}. Received: the {kind} "
                f"{getattr(loaded, '__name__', loaded)}. Its author must mend the entry point."
            )
        if inspect.isabstract(loaded):
            lacking = ", ".join(sorted(loaded.__abstractmethods__))
            raise PluginError(
                f"{offered} must implement all of sslkeras.{base_name}. Received: "
                f"{loaded.__name__} without {lacking}. Its author must add them."
            )
        return loaded

    def create(self, text: str):
        """Makes the object that `name` or `name(key=value, ...)` describes.

        Raises:
            ConfigurationError: If the notation, the name or an argument is wrong.
            PluginError: See `load`.
        """
        named = notation.parse(text)
        return self.rebuild(named.name, named.kwargs, named.args)

    def rebuild(self, name: str, config: dict, args: tuple = ()):
        """Makes the object called `name` from its `get_config()`."""
        made = notation.bind(self.load(name), notation.Named(name, args, config), self.noun)
        made.registered_name = name
        return made


tasks = Registry("sslkeras.tasks", "task", "sslkeras.task:Task")
datasets = Registry("sslkeras.datasets", "dataset", "sslkeras.datasets.dataset:Dataset")
encoders = Registry("sslkeras.encoders", "encoder", "sslkeras.encoders.encoder:Encoder")
probes = Registry("sslkeras.probes", "probe", "sslkeras.evaluation.probe:Probe")
