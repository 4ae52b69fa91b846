"""Finds tasks, datasets, encoders and probes by entry point and makes one by name.

A distribution offers something by an entry point:

    [project.entry-points."sslkeras.tasks"]
    rotation = "sslkeras_rotation.task:Rotation"

Listing reads metadata and source text and imports nothing; `load` imports one plugin. A
broken plugin is shown with its error and harms no other. The bundled tasks, datasets,
encoders and probes come through the same door.
"""

import ast
import dataclasses
import functools
import importlib
import importlib.metadata
import importlib.util
import pathlib
import re

from sslkeras import notation
from sslkeras.errors import ConfigurationError, PluginError


@dataclasses.dataclass(frozen=True)
class Entry:
    """One offered name: where it comes from, without importing it."""

    name: str
    value: str  # "package.module:Class"
    distribution: str
    version: str

    @property
    def origin(self):
        """"distribution version, package.module:Class", for messages."""
        return f"{self.distribution} {self.version}, {self.value}"

    @functools.cached_property
    def _definition(self):
        """The `ast.ClassDef` or `ast.FunctionDef` behind the entry, or None."""
        module, _, attribute = self.value.partition(":")
        path = _source_path(module)
        if path is None:
            return None
        try:
            body = ast.parse(path.read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError):
            return None
        kinds = (ast.ClassDef, ast.FunctionDef)
        return next((n for n in body if isinstance(n, kinds) and n.name == attribute), None)

    @property
    def summary(self) -> str:
        """First line of the docstring, read from the source."""
        doc = ast.get_docstring(self._definition) if self._definition else None
        return doc.splitlines()[0] if doc else ""

    def literal(self, attribute):
        """The class attribute `attribute` where its source is a literal, else None."""
        for node in getattr(self._definition, "body", []):
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            else:
                continue
            if attribute in names and node.value is not None:
                try:
                    return ast.literal_eval(node.value)
                except (ValueError, TypeError):
                    return None
        return None


def _source_path(module):
    """The source file of `module`, found without importing its package."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return pathlib.Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        base = pathlib.Path(folder, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


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
        """All offers, sorted by name; a name offered twice is in it twice."""
        found = set()
        for point in importlib.metadata.entry_points(group=self.group):
            distribution = point.dist
            name = distribution.name if distribution else "an unknown distribution"
            version = distribution.version if distribution else "?"
            # A checkout's metadata can lie on the path beside the installed one.
            name = re.sub(r"[-_.]+", "-", name).lower()
            found.add(Entry(point.name, point.value, name, version))
        return sorted(found, key=lambda entry: (entry.name, entry.distribution))

    def names(self) -> list[str]:
        """The installed names, sorted."""
        return sorted({entry.name for entry in self.entries()})

    def entry(self, name: str) -> Entry:
        """The one offer of `name`.

        Raises:
            ConfigurationError: If nobody offers it; the message has the nearest names.
            PluginError: If two distributions offer it.
        """
        offers = [entry for entry in self.entries() if entry.name == name]
        if not offers:
            names = self.names()
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
        module, _, attribute = entry.value.partition(":")
        try:
            loaded = functools.reduce(
                getattr, attribute.split("."), importlib.import_module(module)
            )
        except Exception as error:  # Whatever a plugin raises is its failure, not ours.
            raise PluginError(
                f"{self.noun.capitalize()} '{name}' ({entry.origin}) failed to import: "
                f"{type(error).__name__}: {error}. Other {self.noun}s still work."
            ) from error
        base_module, _, base_name = self._base.partition(":")
        base = getattr(importlib.import_module(base_module), base_name)
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            kind = "class" if isinstance(loaded, type) else type(loaded).__name__
            raise PluginError(
                f"{self.noun.capitalize()} '{name}' ({entry.distribution} {entry.version}) must "
                f"be a subclass of sslkeras.{base_name}. Received: the {kind} "
                f"{getattr(loaded, '__name__', loaded)}."
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
