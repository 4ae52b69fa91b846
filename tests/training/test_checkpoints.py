"""Tests of sslkeras.training.checkpoints."""

import errno

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import CheckpointError
from sslkeras.training.checkpoints import Checkpoints


@pytest.fixture
def three(tmp_path):
    """Checkpoints 2 and 3 of a variable that held 1.0, 2.0, 3.0 when they were saved."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    variable = tf.Variable([0.0, 0.0])
    for number in (1, 2, 3):
        variable.assign([number, number])
        checkpoints.save(tf.train.Checkpoint(v=variable), {"step": number})
    return checkpoints


def restored(checkpoints):
    variable = tf.Variable([0.0, 0.0])
    position = checkpoints.restore(tf.train.Checkpoint(v=variable))
    return variable.numpy().tolist(), position


def data_file(checkpoints, number):
    return next(checkpoints.folder.glob(f"ckpt-{number}.data*"))


def test_the_newest_is_restored_and_only_as_many_are_kept_as_asked(three):
    assert three.numbers() == [2, 3]
    assert restored(three) == ([3.0, 3.0], {"step": 3})
    assert not list(three.folder.glob("ckpt-1*"))


def test_without_checkpoints_there_is_no_position(tmp_path):
    assert Checkpoints(tmp_path).latest_position() is None
    assert restored(Checkpoints(tmp_path)) == ([0.0, 0.0], None)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, lambda path: path.unlink()])
@pytest.mark.parametrize("kind", ["data", "index"])
def test_a_damaged_one_falls_back_aloud_to_the_one_before(three, damage, kind, capsys):
    damage(next(three.folder.glob(f"ckpt-3.{kind}*")))

    assert restored(three) == ([2.0, 2.0], {"step": 2})
    assert "Checkpoint 3" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {}}', '{"files": 3}'])
def test_a_damaged_manifest_falls_back_too(three, text, capsys):
    (three.folder / "ckpt-3.json").write_text(text)

    assert restored(three)[1] == {"step": 2}
    assert "is damaged" in capsys.readouterr().err


def test_a_checkpoint_without_manifest_was_never_finished(three):
    (three.folder / "ckpt-3.json").unlink()

    assert restored(three)[1] == {"step": 2}


def test_when_all_are_damaged_nothing_is_restored(three):
    for number in (2, 3):
        flip_a_bit(data_file(three, number))

    with pytest.raises(CheckpointError, match="must be intact. Received: 2, all damaged"):
        restored(three)


def test_a_full_disk_names_the_intact_checkpoint_and_harms_none(three, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sslkeras.training.checkpoints.write_atomically", full)

    with pytest.raises(CheckpointError, match="No space left on device.*Checkpoint 3 is intact"):
        three.save(tf.train.Checkpoint(v=tf.Variable([9.0, 9.0])), {"step": 9})

    assert three.numbers() == [2, 3]
    assert not list(three.folder.glob("ckpt-4*"))
    assert restored(three)[1] == {"step": 3}


def test_another_model_is_refused(three):
    with pytest.raises(CheckpointError, match="which does not fit"):
        three.restore(tf.train.Checkpoint(v=tf.Variable(np.zeros([3], np.float32))))
    with pytest.raises(CheckpointError, match="which does not fit"):
        three.restore(tf.train.Checkpoint(other=tf.Variable([0.0, 0.0])))


def test_a_worker_that_is_not_the_chief_keeps_nothing(tmp_path):
    checkpoints = Checkpoints(tmp_path, write=False)

    checkpoints.save(tf.train.Checkpoint(v=tf.Variable(1.0)), {"step": 1})

    assert list(tmp_path.iterdir()) == []
