"""Tests of sslkeras.evaluation.feature_store."""

import tracemalloc

import numpy as np
import pytest

from sslkeras.errors import RunError
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
