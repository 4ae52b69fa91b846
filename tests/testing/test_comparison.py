"""Tests of sslkeras.testing.comparison."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.testing.comparison import difference


def test_equal_structures_do_not_differ():
    structure = {"a": tf.constant([1.0, np.nan, np.inf]), "b": (tf.constant([1, 2]), None)}

    assert difference(structure, structure) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ([1.0, 2.0], [1.0, 2.5], "differs by up to 0.5, its values reach 2.5"),
        ([1.0], [1.0, 2.0], r"\(1,\) against float32 \(2,\)"),
        ([1, 2], [1, 3], "1 of 2 elements"),
        ([1.0], [1], "float32.*against int32"),
        ([np.nan], [1.0], "on one side only"),
        (["a"], ["b"], "1 of 1 elements"),
    ],
)
def test_differences_are_told_in_words(ours, theirs, words):
    found = difference(tf.constant(ours), tf.constant(theirs))

    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found)


def test_rounding_is_allowed_in_floats_and_never_in_whole_numbers():
    assert difference(tf.constant([1.0, 100.0]), tf.constant([1.5, 100.0]), relative=0.01) is None
    assert difference(tf.constant([100]), tf.constant([101]), relative=0.5) is not None
    assert difference((tf.constant(1.0),), (), relative=1.0) == "1 tensors against 0"
