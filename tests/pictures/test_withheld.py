"""Tests of sslkeras.pictures.withheld."""

import numpy as np
from PIL import Image

from sslkeras.pictures import withheld


def test_clips_are_animated(stand_in, tmp_path, is_drawn):
    run = stand_in()
    moving = np.zeros((2, 5, 8, 8, 1), np.float32)
    for time in range(5):
        moving[:, time, time] = 1.0
    run.task.draw = lambda inputs, targets, predictions: {"clip": moving, "still": inputs}

    paths = withheld.draw(run, tmp_path, examples=2, seed=0)

    assert [path.name for path in paths] == ["withheld.png", "withheld.gif"]
    assert is_drawn(paths[0])
    assert Image.open(paths[1]).n_frames == 5


def test_the_seed_chooses_the_examples(stand_in, tmp_path):
    run, seen = stand_in(), []
    run.task.draw = lambda inputs, targets, predictions: seen.append(np.asarray(targets)) or {}

    for seed in (0, 0, 1):
        withheld.draw(run, tmp_path, examples=3, seed=seed)

    assert seen[0].shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()


def test_a_task_that_does_not_draw_is_left_out_aloud(stand_in, tmp_path, capsys):
    run = stand_in()
    run.task.draw = lambda inputs, targets, predictions: {}

    assert withheld.draw(run, tmp_path, examples=2, seed=0) == []
    assert "the task does not say how to draw" in capsys.readouterr().err


def test_more_examples_than_there_are_draw_all(stand_in, tmp_path):
    run, seen = stand_in(), []
    run.task.draw = lambda inputs, targets, predictions: seen.append(len(inputs)) or {}

    withheld.draw(run, tmp_path, examples=500, seed=0)

    assert seen == [100]
