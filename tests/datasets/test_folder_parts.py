"""Tests of sslkeras.datasets.folder_parts."""

import pytest

from sslkeras.datasets.folder_parts import divide, held_out_at_random
from sslkeras.errors import DataError


def test_folders_called_train_and_test_are_the_splits_and_those_below_the_classes():
    parts = divide(["train/b/1", "train/a/2", "val/a/3", "other/a/4", "5"])

    assert parts.tested == (False, False, True, None, None)
    assert parts.labels == (1, 0, 0, -1, -1)
    assert parts.label_names == ("a", "b")


def test_without_them_all_folders_are_classes_and_a_share_is_held_out():
    parts = divide(["a/1", "b/2", "b/c/3", "a/4"], test_fraction=0.25)

    assert sum(parts.tested) == 1 and len(parts.tested) == 4
    assert parts.labels == (0, 1, 1, 0)


def test_a_file_outside_all_folders_means_that_there_are_no_classes():
    parts = divide(["a/1", "b/2", "3"])

    assert parts.label_names is None and parts.labels == (-1, -1, -1)
    assert parts.tested == (False, False, False)


def test_classes_can_be_chosen_and_ordered():
    parts = divide(["a/1", "b/2", "c/3"], classes=("c", "a"))

    assert parts.label_names == ("c", "a")
    assert parts.labels == (1, -1, 0) and parts.tested == (False, None, False)
    with pytest.raises(DataError, match="must be among the labels, a.*d"):
        divide(["a/1"], classes=("d",))


def test_at_least_one_is_held_out_and_never_all():
    assert sum(held_out_at_random(10, 0.01, 0)) == 1
    assert sum(held_out_at_random(10, 0.99, 0)) == 9
    assert not any(held_out_at_random(10, 0.0, 0))
    assert held_out_at_random(1, 0.5, 0) == [False]
    assert held_out_at_random(40, 0.5, 1) != held_out_at_random(40, 0.5, 2)
