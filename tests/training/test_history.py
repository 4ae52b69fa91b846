"""Tests of sslkeras.training.history."""

from hypothesis import given
from hypothesis import strategies as st

from sslkeras.training.history import History, read_history


def row(stage_index, epoch, **metrics):
    return {"stage_index": stage_index, "epoch": epoch, **metrics}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_exactly(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history = History(path)

    history.append(row(0, 0, loss=value))
    history.write()

    assert read_history(path) == [row(0, 0, loss=value)]


def test_a_metric_that_comes_later_leaves_earlier_rows_without_it(tmp_path):
    history = History(tmp_path / "history.csv")
    history.append(row(0, 0, loss=1.0))
    history.append(row(0, 1, loss=0.5, val_loss=0.25))
    history.write()

    assert History(history.path).rows == [row(0, 0, loss=1.0), row(0, 1, loss=0.5, val_loss=0.25)]


def test_truncating_forgets_this_epoch_and_what_came_after():
    history = History(None)
    history.rows = [row(0, 0), row(0, 1), row(1, 0), row(1, 1)]

    history.truncate(1, 0)

    assert history.rows == [row(0, 0), row(0, 1)]
