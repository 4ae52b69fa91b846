"""Tests of what every command has: help, errors, exit statuses, misspelt words."""

import importlib
import subprocess
import sys

import pytest

from sslkeras.commands import flag_table, main


def one_error(done):
    """The message of a command that failed as it should."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("arguments", [(), ("--help",), ("help",), ("-h",)])
def test_without_a_command_all_are_described(sslkeras, arguments):
    done = sslkeras(*arguments)

    assert done.returncode == 0
    for command in main.COMMANDS:
        assert f"sslkeras {command} " in done.stdout


def test_a_misspelt_command_gets_the_nearest_one(sslkeras):
    message = one_error(sslkeras("trian", "--epochs=3"))

    assert f"must be one of {', '.join(main.COMMANDS)}. Received: 'trian'." in message
    assert "Did you mean 'train'?" in message


@pytest.mark.parametrize("command", sorted(main.COMMANDS))
def test_a_misspelt_flag_gets_the_nearest_one(sslkeras, command):
    message = one_error(sslkeras(command, "--debgu"))

    assert f"A flag must be one that `sslkeras {command}` has. Received: --debgu." in message
    assert "Did you mean '--debug'?" in message
    assert f"`sslkeras {command} --help`" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--epochs=many"), "`--epochs` of `sslkeras train` must be an integer >= 1"),
        (("train", "--xla=maybe"), "must be one of auto, on, off. Received: 'maybe'"),
        (("train", "--deterministic=maybe"), "must be true or false"),
        (("train", "--epochs=0"), "must be an integer >= 1. Received: --epochs=0"),
        (("train", "--learning_rate=nan"), "must be a number > 0. Received: --learning_rate=nan"),
        (("train", "--task="), "must be a task's name"),
        (("train", "--epochs"), "Missing value for flag --epochs"),
        (("train", "--flagfile=none.flags"), "none.flags"),
        (("train", "--epochs=1"), "The surrogate task must be named. Received: no --task"),
        (("train", "task=x"), "Everything after the command must be a flag. Received: 'task=x'"),
        (("evaluate",), "The run must be named. Received: no --run"),
        (("evaluate", "runs/x"), "Received: 'runs/x'. Write it as --run=FOLDER"),
        (("evaluate", "--run=x", "--seeds=0"), "must be an integer >= 1. Received: --seeds=0"),
        (("show",), "The run must be named"),
        (("export",), "The run must be named"),
        (("export", "--run=x"), "The place to write to must be given. Received: no --output"),
        (("export", "--run=x", "--output=."), "so that nothing is overwritten. Received: '.'"),
        (
            ("export", "--run=x", "--format=onnx"),
            "must be one of saved_model, keras, word2vec, word2vec_binary",
        ),
        (
            ("export", "--run=x", "--output=y", "--format=word2vec", "--points=9"),
            "--points goes with --format=projector only. Received: --format=word2vec",
        ),
        (
            ("export", "--run=x", "--output=y", "--format=keras"),
            "must end in .keras for --format=keras. Received: 'y'. Give 'y.keras'",
        ),
        (("evaluate", "--run=x", "--run=y"), "A run folder must hold run.json. Received: x"),
        (("evaluate", "--run=x", "--run=./x"), "Received: --run=x twice. Leave one out"),
        (("show", "--run=x", "--examples=-1"), "must be an integer >= 1. Received: --examples=-1"),
    ],
)
def test_what_cannot_be_is_one_message_before_anything_is_imported(sslkeras, arguments, words):
    assert words in one_error(sslkeras(*arguments))


def test_debug_shows_the_traceback_and_the_message(sslkeras):
    done = sslkeras("list", "no_such_name", "--debug")

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ConfigurationError" in done.stderr
    assert "\nerror: A name must be" in done.stderr


def test_a_flagfile_may_hold_comments_and_later_flags_win(sslkeras, tmp_path):
    (tmp_path / "recipe.flags").write_text("# A recipe.\n\n--epochs=2\n// Old style.\n--seed=-5\n")

    assert "--seed=-5" in one_error(sslkeras("train", "--flagfile=recipe.flags"))
    # The seed is now right, so the next thing that lacks is told.
    assert "no --task" in one_error(sslkeras("train", "--flagfile=recipe.flags", "--seed=5"))


@pytest.mark.parametrize("command", sorted(main.COMMANDS))
def test_help_shows_meaning_range_and_default_of_each_flag(command):
    text = main.help_text(command)
    words = " ".join(text.split())

    assert max(map(len, text.splitlines())) <= 100
    assert importlib.import_module(main.COMMANDS[command]).__doc__.strip() in text
    for setting in main.flags_of(command):
        facts = f"({flag_table.allowed(setting)}; default: {flag_table.default(setting)})"
        assert f"{flag_table.spelling(setting)} {setting.help} {facts}" in words
    assert "--flagfile=FILE" in text


def test_help_is_printed_by_the_command(sslkeras):
    done = sslkeras("train", "--task=x", "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == main.help_text("train")


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m sslkeras list | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout == "Tasks\n0\n"


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        ("KeyboardInterrupt", 130, "error: interrupted from the keyboard."),
        ("errors.Interrupted('saved')", 75, "error: saved"),
        ("errors.DataError('no image')", 1, "error: no image"),
    ],
)
def test_exit_statuses(sslkeras, tmp_path, raised, status, words):
    # The module of the command, replaced before the command looks for it.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types\n"
        "from sslkeras import errors\n"
        "def main(rest):\n"
        f"    raise {raised}\n"
        "module = types.ModuleType('sslkeras.commands.show')\n"
        "module.main, module.FLAGS = main, ()\n"
        "sys.modules[module.__name__] = module\n"
    )

    done = sslkeras("show")

    assert (done.returncode, done.stderr.strip()) == (status, words)
