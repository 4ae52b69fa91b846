"""Tests of sslkeras.training.run_folder."""

import json
import subprocess
import sys

import pytest

from sslkeras.errors import RunError
from sslkeras.training.run_folder import RunFolder, describe
from sslkeras.training.settings import Settings
from tests.toys import Denoise

CONFIG = {
    "task": {"name": "jigsaw", "arguments": {"grid": 3}},
    "dataset": {"name": "digits", "arguments": {}},
    "encoder": {"name": "convnet", "arguments": {"filters": [8, 16]}},
    "settings": {"seed": 0, "epochs": 2},
    "init_from": None,
    "versions": {"python": "3.11"},
}


def opened(path, config=CONFIG):
    folder = RunFolder(path)
    folder.open(config)
    folder.close()
    return folder


def test_a_new_run_is_written_down_and_found_again(tmp_path):
    folder = opened(tmp_path / "deep" / "run")

    assert RunFolder(folder.path).config() == CONFIG
    opened(folder.path)


def test_tuples_and_lists_are_the_same_configuration(tmp_path):
    opened(tmp_path / "run")
    same = json.loads(json.dumps(CONFIG))
    same["encoder"]["arguments"]["filters"] = (8, 16)

    opened(tmp_path / "run", same)


def test_other_versions_do_not_make_another_run(tmp_path):
    opened(tmp_path / "run")

    opened(tmp_path / "run", {**CONFIG, "versions": {"python": "3.10"}})


def test_a_setting_that_is_new_had_its_default_before(tmp_path):
    opened(tmp_path / "run")
    newer = json.loads(json.dumps(CONFIG))
    newer["settings"]["monitor_every"] = 0
    newer["settings"]["weight_decay"] = 0.0

    with pytest.raises(RunError, match="settings.weight_decay: 0.0 there, 0.5 asked for"):
        other = json.loads(json.dumps(newer))
        other["settings"]["weight_decay"] = 0.5
        opened(
            tmp_path / "run", {**other, "settings": {**Settings().defining(), **other["settings"]}}
        )

    opened(tmp_path / "run", {**newer, "settings": {**Settings().defining(), **newer["settings"]}})


def test_another_run_is_refused_with_the_difference_and_nothing_changes(tmp_path):
    folder = opened(tmp_path / "run")
    before = (folder.path / "run.json").read_bytes()

    other = {**CONFIG, "task": {"name": "jigsaw", "arguments": {"grid": 2}}}
    with pytest.raises(RunError, match=r"task.arguments.grid: 3 there, 2 asked for"):
        opened(tmp_path / "run", other)

    assert (folder.path / "run.json").read_bytes() == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("words")

    with pytest.raises(RunError, match="with thesis.txt. Choose another `output`"):
        opened(tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("words")

    with pytest.raises(RunError, match="must be new, empty or hold the same run"):
        opened(tmp_path / "run")


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    folder = RunFolder(tmp_path)
    folder.open(CONFIG)
    code = (
        "import json, sys; from sslkeras.training.run_folder import RunFolder\n"
        "RunFolder(sys.argv[1]).open(json.loads(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), json.dumps(CONFIG)]

    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Only one process may train in a folder" in other.stderr

    folder.close()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": 1}'])
def test_an_unreadable_run_json_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(RunError, match="run.json must"):
        RunFolder(tmp_path).config()


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(RunError, match="must hold run.json"):
        RunFolder(tmp_path).config()


def test_objects_of_user_code_are_described_by_their_class():
    assert describe(Denoise(level=0.5)) == {
        "class": "tests.toys:Denoise",
        "arguments": {"level": 0.5},
    }


def test_timing_collects_an_entry_for_each_start(tmp_path):
    folder = RunFolder(tmp_path)
    folder.add_timing({"seconds": 1})
    folder.add_timing({"seconds": 2})

    assert [entry["seconds"] for entry in folder.timing()] == [1, 2]
