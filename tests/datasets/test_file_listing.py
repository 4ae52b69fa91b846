"""Tests of sslkeras.datasets.file_listing."""

import os
import time

import pytest
import tensorflow as tf

from sslkeras.datasets import file_listing
from sslkeras.datasets.file_listing import list_files
from sslkeras.errors import DataError

NAMES = ["b.png", "a/x.PNG", "a/\u00e9.png", "a/deep/y.png"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path, cache):
    root = tmp_path / "files"
    for name in [*NAMES, "a/z.txt", ".hidden/h.png", "a/.h.png"]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    settle(root)
    return root


def settle(root):
    """Makes all folders look as if unchanged for a minute."""
    then = time.time() - 60
    for folder, _, _ in os.walk(root):
        os.utime(folder, (then, then))


def names(listing):
    return [listing.name(number) for number in range(len(listing))]


def test_files_are_listed_by_folder_and_name(root):
    listing = list_files(root, (".png",))

    assert names(listing) == ["b.png", "a/x.PNG", "a/\u00e9.png", "a/deep/y.png"]


def test_paths_in_tensorflow_are_those_of_the_files(root):
    listing = list_files(root, (".png",))

    for number, path in enumerate(listing.path(tf.range(4, dtype=tf.int64))):
        assert tf.io.read_file(path).numpy().decode() == listing.name(number)


def test_paths_of_many_files_are_right(cache, tmp_path):
    for number in range(300):
        (tmp_path / f"{'x' * (number % 7)}{number:03d}.png").write_bytes(b"")
    listing = list_files(tmp_path, (".png",))

    paths = listing.path(tf.range(300, dtype=tf.int64)).numpy()

    assert [path.decode() for path in paths] == [str(tmp_path / name) for name in names(listing)]
    assert names(listing) == sorted(path.name for path in tmp_path.glob("*.png"))


def test_an_unchanged_folder_is_remembered_and_a_changed_one_listed_again(root, monkeypatch):
    first = list_files(root, (".png",))
    scan = file_listing._scan
    monkeypatch.setattr(file_listing, "_scan", lambda *_: pytest.fail("scanned"))

    assert names(list_files(root, (".png",))) == names(first)

    monkeypatch.setattr(file_listing, "_scan", scan)
    (root / "a" / "deep" / "new.png").write_bytes(b"")
    assert "a/deep/new.png" in names(list_files(root, (".png",)))


def test_a_folder_that_has_just_changed_is_not_remembered(root, cache):
    os.utime(root / "a")

    list_files(root, (".png",))

    assert not cache.exists()


def test_another_folder_or_ending_has_another_memory(root):
    list_files(root, (".png",))

    assert names(list_files(root, (".txt",))) == ["a/z.txt"]
    assert names(list_files(root / "a", (".txt",))) == ["z.txt"]


def test_a_spoilt_memory_is_made_anew(root, cache):
    list_files(root, (".png",))
    (memory,) = (cache / "sslkeras" / "listings").iterdir()
    memory.write_bytes(memory.read_bytes()[:100])

    assert len(list_files(root, (".png",))) == 4


def test_a_cache_that_cannot_be_written_harms_nothing(root, tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))

    assert len(list_files(root, (".png",))) == 4


def test_links_are_followed_but_not_in_circles(root):
    (root / "a" / "circle").symlink_to(root)
    (root / "link.png").symlink_to(root / "b.png")
    (root / "broken.png").symlink_to(root / "none")

    assert names(list_files(root, (".png",))) == ["b.png", "link.png", *NAMES[1:]]


def test_a_root_that_is_no_folder_is_an_error(root):
    with pytest.raises(DataError, match="`path` must be a folder.*Check the path"):
        list_files(root / "b.png", (".png",))
