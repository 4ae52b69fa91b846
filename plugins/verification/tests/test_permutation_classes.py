"""Tests of sslkeras_verification.permutation_classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.permutation_classes import PermutationClasses

from sslkeras.errors import CheckpointError

ROWS = [[0, 1, 2], [2, 0, 1]]


def model_of(permutations):
    logits = keras.Input((len(permutations),))
    return keras.Model(logits, PermutationClasses(permutations)(logits))


def test_logits_pass():
    given = np.array([[1.0, 2.0]], np.float32)

    np.testing.assert_array_equal(model_of(ROWS)(given), given)


def test_a_saved_model_knows_its_permutations(tmp_path):
    model_of(ROWS).save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(loaded.layers[-1].permutations, ROWS)


def test_a_checkpoint_of_other_permutations_is_refused(tmp_path):
    path = tf.train.Checkpoint(model=model_of(ROWS)).save(tmp_path / "one")

    tf.train.Checkpoint(model=model_of(ROWS)).read(path).expect_partial()
    with pytest.raises(CheckpointError, match="2 permutations in the checkpoint.*1 of them alike"):
        tf.train.Checkpoint(model=model_of([[0, 1, 2], [1, 0, 2]])).read(path)
