"""Tests of sslkeras.training.workers that need no second process."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import Interrupted, RunError
from sslkeras.training.workers import Workers, lost


def test_one_process_agrees_with_itself():
    workers = Workers(tf.distribute.get_strategy())

    assert (workers.count, workers.chief) == (1, True)
    np.testing.assert_array_equal(workers.sum([1, 2]), [1, 2])
    assert workers.any(True, False) == (True, False)
    assert workers.from_chief({"step": 3}) == {"step": 3}
    assert workers.by_chief(lambda: 1) == workers.by_all(lambda: 1) == 1


class Of(Workers):
    """Worker `index` of two, of which the other one says `theirs` in each sum."""

    def __init__(self, index, *theirs):
        self.count, self.chief, self._theirs = 2, index == 0, list(theirs)

    def sum(self, numbers):
        return np.asarray(numbers) + self._theirs.pop(0)


def test_what_the_chief_says_reaches_the_others():
    text = np.frombuffer(b'{"epoch": 1.5}', np.uint8).astype(np.int32)

    assert Of(1, [len(text)], text).from_chief("something else") == {"epoch": 1.5}
    assert Of(0, [0], 0).from_chief({"epoch": 1.5}) == {"epoch": 1.5}


def test_a_failure_of_the_chief_is_told_to_the_others():
    def fail():
        raise RunError("the disk is full")

    text = np.frombuffer(b'[null, "the disk is full"]', np.uint8).astype(np.int32)

    with pytest.raises(RunError, match="^the disk is full"):
        Of(0, [0], 0).by_chief(fail)
    with pytest.raises(RunError, match="The chief reported: the disk is full"):
        Of(1, [len(text)], text).by_chief(fail)


def test_a_failure_of_one_is_a_failure_of_all():
    with pytest.raises(RunError, match="a failure of 1 of the other 1"):
        Of(0, [1]).by_all(lambda: None)


def test_weights_are_those_of_the_chief():
    variable, flag = tf.Variable([1.5, -2.0]), tf.Variable([True, False])

    Of(1, np.array([3.0, 4.0], np.float32), np.array([0, 1], np.int32)).share_weights(
        [variable, flag]
    )

    np.testing.assert_array_equal(variable, [3.0, 4.0])
    np.testing.assert_array_equal(flag, [False, True])


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.UnavailableError(None, None, "Collective ops is aborted by: Connection reset"),
        tf.errors.InternalError(None, None, "x\nCollective ops is aborted by: Connection reset"),
    ],
)
def test_the_loss_of_another_worker_says_to_start_again(error):
    with pytest.raises(Interrupted, match=r"started again \(Connection reset\)\. Start") as raised:
        with Of(0).needed():
            raise error

    assert raised.value.exit_status == 75
    assert str(lost(error)).startswith("All workers must live")


def test_another_error_and_one_process_alone_are_left_as_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError), Of(0).needed():
        raise tf.errors.InvalidArgumentError(None, None, "no such shape")
    with pytest.raises(tf.errors.UnavailableError):
        with Workers(tf.distribute.get_strategy()).needed():
            raise tf.errors.UnavailableError(None, None, "the data service is gone")
