"""Tests of sslkeras.datasets.docstrings."""

import sys

import pytest

import sslkeras
from sslkeras.datasets.docstrings import Docstrings, docstrings_of
from sslkeras.errors import DataError

SOURCE = '''"""What the module is for."""

import nothing_that_is_installed

raise RuntimeError("nobody may run this")


class Thing:
    """A thing.

    >>> Thing().weight
    7
    Thing(1)

    It has weight."""

    def method(self):
        """Does it \\d."""

    async def plain(self):
        return "no docstring"
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `pack0` of 10 modules, each saying its number, and all one sentence."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "pack0"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "__init__.py").write_text('"""Tests say nothing."""')
    (folder / "broken.py").write_text('"""Broken."""\ndef (:')
    for number in range(10):
        (folder / f"m{number}.py").write_text(
            f'"""Module{number} module{number} of ours."""\n\ndef f():\n    """Said by all."""\n'
            + SOURCE
        )
    return "pack0"


def test_docstrings_of_a_file(tmp_path):
    (tmp_path / "a.py").write_text(SOURCE)

    assert list(docstrings_of(tmp_path / "a.py")) == [
        "What the module is for.",
        "A thing.\n\n\n\nIt has weight.",
        "Does it \\d.",
    ]


def texts_of(data, split):
    (batch,) = split.batches(1000)
    return [
        " ".join(data.vocabulary[n] for n in row[:count])
        for row, count in zip(batch["tokens"].numpy(), batch["num_tokens"].numpy())
    ]


def test_whole_modules_are_held_out_and_nothing_is_said_twice(package):
    data = Docstrings(
        packages=(package,), test_fraction=0.3, min_count=1, length=30, punctuation=False
    )

    train, test = texts_of(data, data.train), texts_of(data, data.test)

    modules = [text for text in train if text.startswith("module")]
    assert len(modules) + len(test) >= 10 and len(test) >= 3
    # A held-out module's own words occur in no train text.
    assert not {text.split()[0] for text in test} & {text.split()[0] for text in modules}
    assert len(set(train)) == len(train)
    assert "tests say nothing" not in " ".join(train) + " ".join(test)
    assert package not in sys.modules


def test_labels_name_the_packages(package):
    data = Docstrings(packages=("absl", package), length=30)
    (batch,) = data.train.batches(10_000)

    assert data.label_names == ("absl", package)
    assert set(batch["label"].numpy()) == {0, 1}


@pytest.mark.parametrize("name", ["nothing_installed", "a.b", "math"])
def test_what_is_no_package_is_refused(name):
    with pytest.raises(DataError, match="must name installed packages"):
        assert Docstrings(packages=(name,)).train


def test_it_is_found_by_name():
    data = sslkeras.datasets.create("docstrings(packages=('absl',), length=16)")

    assert data.train.features["tokens"].shape == (16,)
    assert "flag" in data.vocabulary
