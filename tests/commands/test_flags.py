"""Tests of the flags of `sslkeras train`, as other absl scripts declare them."""

import inspect
import subprocess
import sys

import absl.flags
import pytest

from sslkeras.commands import flags
from sslkeras.training.pretrain import pretrain
from sslkeras.training.settings import SETTINGS, Settings


def parsed(*arguments):
    values = absl.flags.FlagValues()
    flags.define(flag_values=values)
    values(["script", *arguments])
    return flags.arguments(values)


def test_the_flags_are_exactly_what_pretrain_takes():
    named = [
        parameter.name
        for parameter in inspect.signature(pretrain).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD and parameter.name != "callbacks"
    ]

    assert set(parsed()) == {*named, *(setting.name for setting in SETTINGS)}


def test_the_defaults_are_those_of_pretrain_and_of_the_settings():
    given = parsed()

    parameters = inspect.signature(pretrain).parameters
    for name in ("encoder", "output", "init_from", "probes"):
        assert given[name] == parameters[name].default
    settings = {setting.name: given[setting.name] for setting in SETTINGS}
    assert settings == {setting.name: setting.default for setting in SETTINGS}
    Settings(**settings)


def test_define_returns_the_names_it_declared():
    values = absl.flags.FlagValues()

    names = flags.define(flag_values=values)

    values(["script"])
    assert names == list(flags.arguments(values))


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--task=jigsaw(grid=3)", "task", "jigsaw(grid=3)"),
        ("--epochs=3", "epochs", 3),
        ("--learning_rate=1e-3", "learning_rate", 1e-3),
        ("--deterministic", "deterministic", True),
        ("--nodeterministic", "deterministic", False),
        ("--precision=mixed_bfloat16", "precision", "mixed_bfloat16"),
        ("--optimizer=sgd(momentum=0.9)", "optimizer", "sgd(momentum=0.9)"),
        ("--probes=linear(labels=30)", "probes", ["linear(labels=30)"]),
    ],
)
def test_values_have_the_type_of_their_setting(argument, name, value):
    assert parsed(argument)[name] == value


def test_probes_may_be_repeated():
    assert parsed("--probes=linear", "--probes=knn(k=5)")["probes"] == ["linear", "knn(k=5)"]


def test_a_flagfile_is_read_with_its_comments(tmp_path):
    recipe = tmp_path / "recipe.flags"
    recipe.write_text("# What it needs.\n--task=jigsaw\n\n--epochs=7\n")

    given = parsed(f"--flagfile={recipe}", "--epochs=8")

    assert (given["task"], given["epochs"]) == ("jigsaw", 8)


def test_a_script_of_ones_own_shows_the_flags_in_its_help(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from absl import app\n"
        "from sslkeras.commands import flags\n"
        "flags.define()\n"
        "app.run(lambda argv: print(flags.arguments()['epochs']))\n"
    )

    def run(argument):
        return subprocess.run(
            [sys.executable, script, argument], capture_output=True, text=True
        ).stdout

    assert run("--epochs=3") == "3\n"
    shown = " ".join(run("--help").split())
    assert "--epochs: Passes over the training split. Must be an integer >= 1." in shown
    assert "--task: Surrogate task" in shown
