"""Tests of sslkeras.evaluation.feature_store."""

import os
import tracemalloc

import numpy as np
import pytest

from sslkeras.errors import RunError
from sslkeras.evaluation import feature_store
from sslkeras.evaluation.feature_store import FeatureStore


def ones(calls, rows=3):
    def produce(write):
        calls.append(1)
        write(np.ones((rows, 2), np.float32))
        write(np.zeros((1, 2), np.float32))
        return {"label": np.array([b"a", b"bc"], object)}

    return produce


def test_an_entry_is_made_once_and_read_by_another_store(tmp_path):
    calls = []
    FeatureStore(tmp_path).entry({"weights": 1}, ones(calls))

    found = FeatureStore(tmp_path).entry({"weights": 1}, ones(calls))

    assert len(calls) == 1
    np.testing.assert_array_equal(found.rows, [[1, 1], [1, 1], [1, 1], [0, 0]])
    assert found.arrays["label"].tolist() == [b"a", b"bc"]


def test_another_key_or_a_damaged_entry_is_made_anew(tmp_path):
    calls = []
    store = FeatureStore(tmp_path)
    store.entry({"weights": 1}, ones(calls))
    store.entry({"weights": 2}, ones(calls))
    assert len(calls) == 2

    for file in tmp_path.glob("*/entry.json"):
        file.write_text('{"shape": [5, 2]}')
    assert len(store.entry({"weights": 1}, ones(calls)).rows) == 4

    assert len(calls) == 3


def test_without_a_key_nothing_is_left_behind(tmp_path):
    store = FeatureStore(tmp_path / "features")

    assert store.entry(None, ones([])).rows.shape == (4, 2)
    del store

    assert list(tmp_path.iterdir()) == []


def test_features_are_never_all_in_memory():
    def produce(write):
        for _ in range(200):
            write(np.ones((500, 64), np.float32))
        return {}

    tracemalloc.start()
    rows = FeatureStore().entry(None, produce).rows
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows.nbytes == 25_600_000
    assert peak < 2_000_000


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(RunError, match="Features must be written to a folder with room"):
        FeatureStore(tmp_path / "file" / "features").entry({}, ones([]))


def stored(folder):
    return [path.name for path in folder.iterdir() if (path / "entry.json").is_file()]


@pytest.fixture
def three_entries(tmp_path):
    """Names of three entries, the one used longest ago first."""
    store, names = FeatureStore(tmp_path), []
    for number in range(3):
        store.entry({"number": number}, ones([]))
        (name,) = set(stored(tmp_path)) - set(names)
        names.append(name)
        os.utime(tmp_path / name / "entry.json", (1000 + number, 1000 + number))
    return names


def test_below_its_bound_a_folder_keeps_all_entries(tmp_path, three_entries):
    FeatureStore(tmp_path).tidy()

    assert set(stored(tmp_path)) == set(three_entries)


def test_above_its_bound_entries_go_that_were_used_longest_ago(
    tmp_path, three_entries, monkeypatch
):
    size = sum(file.stat().st_size for file in (tmp_path / three_entries[0]).iterdir())
    monkeypatch.setattr(feature_store, "_MOST_BYTES", 2 * size)

    FeatureStore(tmp_path).tidy()

    assert set(stored(tmp_path)) == set(three_entries[1:])


def test_an_entry_that_is_read_again_counts_as_used_and_stays(tmp_path, three_entries, monkeypatch):
    monkeypatch.setattr(feature_store, "_MOST_BYTES", 0)
    store = FeatureStore(tmp_path)
    calls = []
    rows = store.entry({"number": 0}, ones(calls)).rows

    store.tidy()

    assert calls == []
    assert stored(tmp_path) == three_entries[:1]
    assert rows[0, 0] == 1.0
    # The other way round: what was used for the longest time is no longer the first to go.
    assert (tmp_path / three_entries[0] / "entry.json").stat().st_mtime > 2000


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    old, new = tmp_path / ".partial-old", tmp_path / ".partial-new"
    for path in (old, new):
        path.mkdir()
        (path / "rows.f32").write_bytes(b"1234")
    os.utime(old, (1, 1))

    FeatureStore(tmp_path).tidy()

    assert not old.exists() and new.exists()


def test_a_temporary_store_has_nothing_to_tidy(tmp_path):
    FeatureStore().tidy()
    FeatureStore(tmp_path / "never made").tidy()

    assert list(tmp_path.iterdir()) == []
