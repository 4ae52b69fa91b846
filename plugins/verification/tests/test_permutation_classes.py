"""Tests of sslkeras_verification.permutation_classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.permutation_classes import PermutationClasses

import sslkeras
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


def test_a_run_whose_set_was_exchanged_is_refused(tmp_path):
    path = tmp_path / "set.txt"
    path.write_text("1 2 3 4\n4 3 2 1\n")
    task = (
        "jigsaw(grid=2, permutation_mode='custom', short_side=None, window=8, cell=4, tile=3, "
        f"channel_jitter=0, fc6_units=4, fc7_units=4, permutations={str(path)!r})"
    )
    sslkeras.pretrain(
        task, "digits", "mlp(hidden_sizes=(4,))", steps=1, batch_size=8, output=tmp_path / "run"
    )
    sslkeras.load_encoder(tmp_path / "run")
    path.write_text("1 2 3 4\n4 3 1 2\n")

    with pytest.raises(CheckpointError, match="permutations of a checkpoint"):
        sslkeras.load_encoder(tmp_path / "run")
