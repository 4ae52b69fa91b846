"""Tests of sslkeras.pictures.show."""

import numpy as np
import pytest

import sslkeras
from sslkeras.errors import ConfigurationError, RunError

EPOCHS = [{"stage": "train", "epoch": i, "step": i, "loss": 1.0 / (i + 1)} for i in range(3)]


def test_every_picture_is_written_into_the_run_folder(stand_in, tmp_path, is_drawn):
    run = stand_in(folder=tmp_path, history=EPOCHS)
    state = np.random.get_state()[1].copy()

    paths = sslkeras.show(run, examples=3)

    assert [path.name for path in paths] == [
        "withheld.png",
        "curves.png",
        "filters.png",
        "feature_map.png",
        "attention.png",
        "preferred.png",
    ]
    assert all(path.parent == tmp_path / "pictures" for path in paths)
    assert all(is_drawn(path) for path in paths)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_one_picture_can_be_chosen(stand_in, tmp_path):
    paths = sslkeras.show(stand_in(history=EPOCHS), pictures="curves", output=tmp_path)

    assert [path.name for path in paths] == ["curves.png"]


def test_the_encoder_is_unchanged(stand_in, tmp_path):
    run = stand_in()
    before = run.model.get_weights()

    sslkeras.show(run, pictures=["attention"], examples=2, output=tmp_path)

    for weights, old in zip(run.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, old)


def test_a_misspelt_picture_gets_the_nearest(stand_in):
    with pytest.raises(ConfigurationError, match="Did you mean 'curves'"):
        sslkeras.show(stand_in(), pictures=["curve"])


def test_no_examples_are_refused(stand_in):
    with pytest.raises(ConfigurationError, match="`examples` must be an integer >= 1"):
        sslkeras.show(stand_in(), examples=0)


def test_a_run_without_a_folder_needs_an_output(stand_in):
    with pytest.raises(RunError, match="Give `output`"):
        sslkeras.show(stand_in())
