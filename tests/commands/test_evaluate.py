"""Tests of sslkeras.commands.evaluate."""

import csv
import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).parents[2]


def test_several_runs_are_judged_and_stand_side_by_side(sslkeras, install, tmp_path):
    install("acme", "sslkeras.tasks", {"denoise": "tests.toys:Denoise"})
    here = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    train = "train --task=denoise --dataset=digits --encoder=mlp --steps=2 --output=first"
    done = sslkeras(*train.split(), **here)
    assert done.returncode == 0, done.stderr
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    both = ("evaluate", "--run=first", "--run=second", "--probes=knn", "--report")

    done = sslkeras(*both, **here)
    assert done.returncode == 1
    assert "--report without --report_file. Give an HTML file" in done.stderr
    assert not (tmp_path / "first" / "evaluation.json").exists()

    done = sslkeras(*both, "--report_file=pages/both.html", **here)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("Run first") < done.stdout.index("Run second")
    assert done.stdout.endswith("\nReport: pages/both.html\n")
    page = (tmp_path / "pages" / "both.html").read_text()
    assert "2 runs side by side" in page and ">first<" in page and ">second<" in page
    with open(tmp_path / "pages" / "both.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {
        row["run"]: row["mean"]
        for row in rows
        if (row["metric"], row["contender"]) == ("top-1", "pretrained")
    }
    # Equal weights on equal data.
    assert set(found) == {"first", "second"} and len(set(found.values())) == 1
