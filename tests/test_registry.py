"""Tests of finding and making things by name, with real distributions in a folder on the path."""

import ast
import importlib
import itertools
import os
import subprocess
import sys
import textwrap

import pytest

from sslkeras import registry
from sslkeras.errors import ConfigurationError, PluginError
from sslkeras.registry import Registry

# What the plugins below derive from; a stand-in that needs no TensorFlow.
BASE = """
import abc
from sslkeras.hyperparameters import Configurable

class Thing(Configurable, abc.ABC):
    reads: dict = {"image": (1, 1, 1)}

    @abc.abstractmethod
    def work(self): ...
"""
ROTATION = '''
"""Rotation, a paper."""
from {base} import Thing
from sslkeras.hyperparameters import Integer

class Rotation(Thing):
    """Tells which way up.

    More words.
    """

    hyperparameters = {{"turns": Integer(1, 4)}}
    reads = {{"image": (8, 8, 1), "video": None}}

    def __init__(self, *, turns=4, angle=90):
        super().__init__(turns=turns, angle=angle)

    def work(self):
        return self.turns
'''
_unique = itertools.count()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A folder on the import path in which distributions are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield World(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


class World:
    def __init__(self, path):
        self.path = path
        self.number = next(_unique)
        self.group = f"sslkeras_test_{self.number}.things"
        self.base = f"ssl_base_{self.number}"
        self.module("base", BASE)
        self.things = Registry(self.group, "thing", f"{self.base}:Thing")

    def module(self, name, source):
        """Writes a module with a name no other test uses, and returns that name."""
        name = f"ssl_{name}_{self.number}"
        file = self.path / f"{name.replace('.', '/')}.py"
        file.write_text(textwrap.dedent(source).replace("{base}", self.base), encoding="utf-8")
        importlib.invalidate_caches()
        return name

    def install(self, name, entries, version="1.0", folder=None, metadata=None):
        """Writes the metadata of a distribution that offers `entries`, name to value."""
        folder = (folder or self.path) / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(text if metadata is None else metadata)
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (folder / "entry_points.txt").write_text("\n".join([f"[{self.group}]", *lines]) + "\n")
        importlib.invalidate_caches()

    def rotation(self, distribution="acme-rotation", **more):
        module = self.module("rotation", ROTATION.replace("{{", "{").replace("}}", "}"))
        self.install(distribution, {"rotation": f"{module}:Rotation"}, **more)
        return module


def test_what_is_installed_is_made_by_name(world):
    world.rotation()

    made = world.things.create("rotation(turns=2)")

    assert (made.turns, made.angle, made.registered_name) == (2, 90, "rotation")


def test_an_object_is_rebuilt_from_its_config(world):
    world.rotation()
    made = world.things.create("rotation(turns=3, angle=45)")

    again = world.things.rebuild("rotation", made.get_config())

    assert again.get_config() == made.get_config() == {"turns": 3, "angle": 45}


def test_an_unknown_name_gets_the_nearest_and_all_installed(world):
    module = world.rotation()
    world.install("acme-jigsaw", {"jigsaw": f"{module}:Jigsaw"})

    with pytest.raises(ConfigurationError) as caught:
        world.things.create("rotaton")

    assert str(caught.value) == (
        "No thing 'rotaton' is installed. Did you mean 'rotation'? Installed: jigsaw, rotation."
    )


def test_an_unknown_name_where_nothing_is_installed(world):
    with pytest.raises(ConfigurationError, match="Installed: none"):
        world.things.create("rotation")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_package_at_all", ModuleNotFoundError),
        ("1 / 0", ZeroDivisionError),
        ("import sys; sys.exit('bye')", SystemExit),
        ("def broken(:", SyntaxError),
        ("x = 1", AttributeError),
    ],
)
def test_an_import_failure_names_the_distribution_and_keeps_its_cause(world, source, error):
    module = world.module("broken", source)
    world.install("acme-broken", {"broken": f"{module}:Broken"}, version="2.3.0")

    with pytest.raises(PluginError) as caught:
        world.things.create("broken")

    assert f"Thing 'broken' (acme-broken 2.3.0, {module}:Broken) failed to import" in str(
        caught.value
    )
    assert error.__name__ in str(caught.value)
    assert "Other things still work." in str(caught.value)
    assert isinstance(caught.value.__cause__, error)


def test_a_broken_plugin_harms_no_other(world):
    world.install("acme-gone", {"gone": "ssl_no_such_module:Gone", "odd": "", "worse": ":::"})
    world.rotation()

    assert world.things.names() == ["gone", "odd", "rotation", "worse"]
    assert world.things.create("rotation").work() == 4
    for name in ("gone", "odd", "worse"):
        with pytest.raises(PluginError):
            world.things.create(name)


def test_unreadable_metadata_is_left_out_aloud_and_harms_no_other(world, capsys):
    world.install("acme-nameless", {"nameless": "x:X"}, metadata="")
    world.install("acme-lines", {"lines": "x:X"})
    with open(world.path / "acme_lines-1.0.dist-info" / "entry_points.txt", "a") as file:
        file.write("a line without an equals sign\n")
    world.rotation()

    names = world.things.names()

    assert "rotation" in names
    assert "nameless" not in names
    assert "acme_nameless" in capsys.readouterr().err


def test_a_name_offered_by_two_distributions_names_both(world):
    world.rotation(version="0.1.0")
    world.install("other-ssl", {"rotation": "other:Rotation"}, version="2.3.0")

    with pytest.raises(PluginError) as caught:
        world.things.create("rotation")

    assert str(caught.value) == (
        "Thing 'rotation' is offered by acme-rotation 0.1.0 and other-ssl 2.3.0. "
        "Uninstall one of them."
    )


@pytest.mark.parametrize("words", ["rotation", "Acme_Rotation", " other ,acme.rotation,"])
def test_what_is_disabled_is_left_out_everywhere(world, monkeypatch, words):
    module = world.rotation()
    world.install("acme-jigsaw", {"jigsaw": f"{module}:Rotation"})
    monkeypatch.setenv("SSLKERAS_DISABLE_PLUGINS", words)

    assert world.things.names() == ["jigsaw"]
    assert [entry.name for entry in world.things.disabled_entries()] == ["rotation"]
    with pytest.raises(ConfigurationError) as caught:
        world.things.create("rotation")
    message = str(caught.value)
    assert message.startswith(
        "Thing 'rotation' (acme-rotation 1.0) must not be disabled to be used. Received: "
        f"SSLKERAS_DISABLE_PLUGINS={words!r}. Take '"
    )
    taken_out = message.split("Take '")[1].partition("'")[0]
    monkeypatch.setenv("SSLKERAS_DISABLE_PLUGINS", words.replace(taken_out, ""))
    assert world.things.create("rotation").work() == 4


def test_of_a_name_offered_twice_the_one_that_is_not_disabled_is_used(world, monkeypatch):
    world.rotation()
    world.install("other-ssl", {"rotation": "ssl_no_such_module:Rotation"})
    monkeypatch.setenv("SSLKERAS_DISABLE_PLUGINS", "other-ssl")

    assert world.things.create("rotation").work() == 4


def test_a_part_of_a_name_disables_nothing(world, monkeypatch):
    world.rotation()
    monkeypatch.setenv("SSLKERAS_DISABLE_PLUGINS", "rot,acme,")

    assert world.things.names() == ["rotation"]


def test_an_editable_install_found_twice_is_one_offer(world, monkeypatch):
    module = world.rotation(distribution="acme-rotation", version="1.1")
    checkout = world.path / "checkout"
    world.install(
        "Acme.Rotation", {"rotation": f"{module}:Rotation"}, version="1.0", folder=checkout
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(checkout)])

    (entry,) = world.things.entries()

    # The one that comes first on the path is the one Python imports.
    assert (entry.distribution, entry.version) == ("acme-rotation", "1.1")


def test_a_class_of_another_kind_is_refused(world):
    module = world.module("other", "class Other: pass\ndef make(): pass\n")
    world.install(
        "acme-other",
        {"other": f"{module}:Other", "made": f"{module}:make", "whole": module},
    )

    for name, what in {
        "other": "the class Other",
        "made": "the function make",
        "whole": f"the module {module}",
    }.items():
        with pytest.raises(PluginError) as caught:
            world.things.load(name)
        assert f"'{name}' (acme-other 1.0) must be a subclass of sslkeras.Thing" in str(
            caught.value
        )
        assert f"Received: {what}." in str(caught.value)


def test_a_class_that_lacks_a_method_is_refused_when_loaded(world):
    module = world.module("half", "from {base} import Thing\nclass Half(Thing): pass\n")
    world.install("acme-half", {"half": f"{module}:Half"})

    with pytest.raises(PluginError, match=r"acme-half 1\.0\) must implement.*Half without work"):
        world.things.load("half")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotation(turn=1)", r"turn=1\. Did you mean 'turns'\? It takes: turns=4, angle=90\."),
        ("rotation(3)", r"must be given by name\. Received: rotation\(3\)\. It takes: turns=4"),
        ("rotation(turns=9)", r"`turns` of Rotation must be an integer in \[1, 4\].*turns=9"),
        ("rotation(turns='x')", r"must be an integer in \[1, 4\].*turns='x'"),
    ],
)
def test_a_wrong_argument_gets_the_accepted_ones(world, text, message):
    world.rotation()

    with pytest.raises(ConfigurationError, match=message):
        world.things.create(text)


def test_a_missing_argument_is_named(world):
    source = """
        from {base} import Thing
        class Reader(Thing):
            def __init__(self, path, *, size=8):
                super().__init__(path=path, size=size)
            def work(self): ...
    """
    world.install("acme-reader", {"reader": f"{world.module('reader', source)}:Reader"})

    assert world.things.create("reader('x')").path == "x"
    with pytest.raises(ConfigurationError, match="Thing 'reader' must be given `path`"):
        world.things.create("reader")


def test_listing_reads_summary_and_names_without_an_import(world):
    module = world.rotation()

    (entry,) = world.things.entries()

    assert entry.summary == "Tells which way up."
    assert world.things.alternatives(entry, "reads") == [("image", "video")]
    assert world.things.alternatives(entry, "nothing") == []
    assert not entry.missing
    assert module not in sys.modules
    assert world.base not in sys.modules


def test_a_class_that_does_not_say_reads_what_its_base_reads(world):
    source = '''
        from {base} import Thing
        class First(Thing):
            """First."""
            reads = {"video": None}
        class Second(First):
            """Second."""
        class Third(Thing):
            """Third."""
    '''
    module = world.module("bases", source)
    world.install("acme", {"second": f"{module}:Second", "third": f"{module}:Third"})

    second, third = world.things.entries()

    assert world.things.alternatives(second, "reads") == [("video",)]
    assert world.things.alternatives(third, "reads") == [("image",)]


@pytest.mark.parametrize(
    "body, method, expected",
    [
        # Always set: what the class says, or its base, is never seen.
        (
            "reads = {'image': None}",
            "self.reads = {'text': (size,), 'clip': ()}",
            [("text", "clip")],
        ),
        ("", "self.reads = {'text': (size,)}", [("text",)]),
        ("", "self.reads: dict = {'text': (size,)}", [("text",)]),
        ("", "if size: self.reads = {'text': ()}", [("image",), ("text",)]),
        ("", "if size: self.reads = {'image': None}", [("image",)]),
        (
            "reads = ('video',)",
            "if size:\n                    self.reads = {'text': ()}\n                else:\n"
            "                    self.reads = {'flow': ()}",
            [("video",), ("text",), ("flow",)],
        ),
        # Not to be read from the source: the default of the class stands for it, or nothing.
        ("reads = ('label',)", "self.reads = (size,)", [("label",)]),
        ("", "self.reads = dict.fromkeys(size)", []),
        ("", "other.reads = {'text': ()}; self.reads['text'] = ()", [("image",)]),
    ],
)
def test_names_that_a_method_sets_count_before_those_of_the_class(world, body, method, expected):
    source = f'''
        from {{base}} import Thing
        class First(Thing):
            """First."""
            {body}
            def __init__(self, size):
                {method}
        class Second(First):
            """Second."""
    '''
    module = world.module("methods", source)
    world.install("acme", {"first": f"{module}:First", "second": f"{module}:Second"})

    first, second = world.things.entries()

    assert world.things.alternatives(first, "reads") == expected
    assert world.things.alternatives(second, "reads") == expected


def test_a_class_that_a_package_passes_on_is_found_in_its_source(world):
    package = world.path / f"ssl_package_{world.number}"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import Inner as Outer\nassert False\n")
    (package / "inner.py").write_text('class Inner:\n    """In there."""\n')
    world.install("acme-package", {"outer": f"{package.name}:Outer [extra]"})

    (entry,) = world.things.entries()

    assert entry.summary == "In there."


def test_a_module_that_is_not_there_is_marked(world):
    package = world.path / f"ssl_partly_{world.number}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "there.py").write_text("")
    values = {
        "a": "ssl_no_such_module:X",
        "b": f"{package.name}.gone:X",
        "c": f"{package.name}.there.below:X",
        "d": f"{package.name}.there:X",
    }
    world.install("acme-partly", values)

    assert [entry.missing for entry in world.things.entries()] == [True, True, True, False]
    assert package.name not in sys.modules


def test_source_that_does_not_parse_has_no_summary(world):
    world.install("acme-odd", {"odd": f"{world.module('odd', 'def (')}:Odd"})

    (entry,) = world.things.entries()

    assert (entry.summary, entry.missing) == ("", False)
    assert world.things.alternatives(entry, "reads") == []


def test_listing_what_is_bundled_imports_neither_plugins_nor_tensorflow():
    code = (
        "import sys; from sslkeras import registry\n"
        "kinds = registry.tasks, registry.datasets, registry.encoders, registry.probes\n"
        "names = [(entry.name, entry.summary, kind.alternatives(entry, 'reads'))\n"
        "         for kind in kinds for entry in kind.entries()]\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in\n"
        "      ('tensorflow', 'keras', 'numpy') or name.startswith('sslkeras_')))\n"
        "print([name for name, *_ in names])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )

    imported, names = map(ast.literal_eval, done.stdout.splitlines())
    assert imported == []
    assert {"digits", "npz", "linear", "knn"} <= set(names)


@pytest.mark.parametrize("known", [registry.datasets, registry.encoders, registry.probes])
def test_each_bundled_entry_has_a_module_and_a_line_on_it(known):
    bundled = [entry for entry in known.entries() if entry.distribution == "sslkeras"]

    assert bundled
    assert [entry.name for entry in bundled if entry.missing or not entry.summary] == []
