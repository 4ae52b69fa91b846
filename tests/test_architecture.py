"""The arrows of the house, read from the source: who imports whom, and what nobody imports."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORE = ROOT / "sslkeras"
PLUGINS = ROOT / "plugins"
FOLDERS = ("sslkeras", "plugins", "examples", "benchmarks", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# Files that tell nothing of what is in them.
NAMELESS = {"utils.py", "util.py", "helpers.py", "common.py", "base.py", "misc.py"}


def imports(path):
    """Dotted names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(path):
    """Dotted names that a file's expressions use, as `tf.data.Dataset`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name):
            yield ".".join([node.id, *reversed(parts)])


def plugin_packages():
    return {path.parent.name for path in PLUGINS.glob("*/sslkeras_*/__init__.py")}


def begins(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def offenders(paths, is_wrong, names=imports):
    return sorted(
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in names(path)
        if is_wrong(name)
    )


def test_there_is_something_to_look_at():
    assert len(list(CORE.rglob("*.py"))) > 30
    assert plugin_packages()


def test_the_core_imports_no_plugin():
    assert (
        offenders(CORE.rglob("*.py"), lambda name: name.split(".")[0].startswith("sslkeras_")) == []
    )


@pytest.mark.parametrize("package", sorted(plugin_packages()))
def test_no_plugin_imports_another(package):
    (folder,) = PLUGINS.glob(f"*/{package}")
    others = plugin_packages() - {package}

    assert offenders(folder.rglob("*.py"), lambda name: name.split(".")[0] in others) == []


def test_the_core_names_no_task_of_a_plugin():
    offered = {
        name
        for path in PLUGINS.glob("*/pyproject.toml")
        for section in re.findall(
            r'entry-points\."sslkeras\.tasks"\]\n(.*?)(?:\n\[|\Z)', path.read_text(), re.DOTALL
        )
        for name in re.findall(r"^(\w+) *=", section, re.MULTILINE)
    }
    assert offered

    # Strings of code; docstrings may give examples.
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in offered
    ]

    assert named == []


@pytest.mark.parametrize(
    "private", ["keras.src", "keras.backend", "tensorflow.keras", "tensorflow.python"]
)
def test_only_the_public_keras_is_used(private):
    used = private.replace("tensorflow.", "tf.")

    assert offenders(SOURCES, lambda name: begins(name, private)) == []
    assert (
        offenders(SOURCES, lambda name: begins(name, private) or begins(name, used), dotted) == []
    )


def test_no_file_has_a_name_that_tells_nothing():
    assert [str(path) for path in SOURCES if path.name in NAMELESS] == []


def test_commands_are_imported_by_nobody_in_the_core():
    rest = (path for path in CORE.rglob("*.py") if path.parent.name != "commands")

    found = offenders(rest, lambda name: begins(name, "sslkeras.commands"))

    assert found == ["sslkeras/__main__.py: sslkeras.commands.main.run"]


@pytest.mark.parametrize(
    "code",
    [
        "import sslkeras",
        "import sslkeras.datasets, sslkeras.encoders, sslkeras.registry",
        "import sslkeras; sslkeras.datasets.names(); dir(sslkeras)",
        "from sslkeras.commands import flags; flags.define()",
        "from sslkeras.training import settings",
    ],
)
def test_importing_costs_no_tensorflow(code):
    heavy = "('tensorflow', 'keras', 'sklearn', 'matplotlib')"
    code += f"; import sys; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
