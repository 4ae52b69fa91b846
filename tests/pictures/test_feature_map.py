"""Tests of sslkeras.pictures.feature_map."""

import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.pictures.feature_map import draw


def random_split(count, **more):
    images = np.random.default_rng(0).uniform(size=(count, 8, 8, 1)).astype(np.float32)
    return ArraySplit({"image": images, **more})


def test_data_without_labels_is_drawn_in_one_colour(stand_in, tmp_path, is_drawn):
    run = stand_in(data=Given(random_split(12), random_split(12)))

    [path] = draw(run, tmp_path, examples=1, seed=0)

    assert is_drawn(path)


def test_many_classes_and_names_as_bytes_are_drawn(stand_in, tmp_path, is_drawn):
    names = np.array([f"class {i % 30}".encode() for i in range(60)])
    data = Given(random_split(60, label=names), random_split(60, label=names))

    [path] = draw(stand_in(data=data), tmp_path, examples=1, seed=0)

    assert is_drawn(path)


def test_too_few_examples_are_left_out_aloud(stand_in, tmp_path, capsys):
    run = stand_in(data=Given(random_split(5), random_split(3)))

    assert draw(run, tmp_path, examples=1, seed=0) == []
    assert "it needs 4 held-out examples, there are 3" in capsys.readouterr().err
