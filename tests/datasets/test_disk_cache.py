"""Tests of sslkeras.datasets.disk_cache."""

import numpy as np

from sslkeras.datasets.disk_cache import cache_folder, load_arrays, save_arrays


def test_arrays_come_back(tmp_path):
    save_arrays(tmp_path / "deep" / "a.npz", {"one": np.arange(3), "two": np.zeros((0, 2))})

    arrays = load_arrays(tmp_path / "deep" / "a.npz")

    assert arrays["one"].tolist() == [0, 1, 2] and arrays["two"].shape == (0, 2)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.npz"]


def test_a_missing_and_a_cut_off_file_are_nothing(tmp_path):
    save_arrays(tmp_path / "a.npz", {"one": np.arange(300)})
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:900])

    assert load_arrays(tmp_path / "a.npz") is None and load_arrays(tmp_path / "b.npz") is None


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    (tmp_path / "file").write_text("in the way")

    save_arrays(tmp_path / "file" / "a.npz", {"one": np.arange(3)})

    assert load_arrays(tmp_path / "file" / "a.npz") is None


def test_the_folder_is_below_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder("flow") == tmp_path / "sslkeras" / "flow"
