"""Tests of sslkeras.pictures.curves."""

import numpy as np

from sslkeras.pictures.curves import draw, is_better_in_log, quantities


def row(epoch, stage="train", **values):
    return {"stage": stage, "stage_index": 0, "epoch": epoch, "step": epoch, **values}


def test_the_loss_comes_first_and_held_out_curves_join_theirs():
    history = [row(0, accuracy=0.5, loss=1.0, val_loss=1.1, learning_rate=0.1), row(1, val_auc=0.7)]

    assert quantities(history) == ["loss", "accuracy", "auc"]


def test_a_wide_span_of_positive_values_is_logarithmic():
    assert is_better_in_log(np.array([100.0, 1.0, np.nan]))
    assert not is_better_in_log(np.array([2.0, 1.0]))
    assert not is_better_in_log(np.array([100.0, 0.0]))


def test_stages_with_different_metrics_are_drawn(stand_in, tmp_path, is_drawn):
    history = [row(0, "layer1", loss=3.0), row(0, "layer2", loss=100.0, val_accuracy=0.1)]
    history.append(row(1, "layer2", loss=float("nan")))

    [path] = draw(stand_in(history=history), tmp_path, examples=1, seed=0)

    assert is_drawn(path)


def test_a_run_without_epochs_has_no_curves(stand_in, tmp_path, capsys):
    assert draw(stand_in(), tmp_path, examples=1, seed=0) == []
    assert "has not finished an epoch" in capsys.readouterr().err
