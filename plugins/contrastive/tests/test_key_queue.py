"""Tests of sslkeras_contrastive.key_queue."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_contrastive.key_queue import KeyQueue

from sslkeras.errors import ConfigurationError
from sslkeras.testing.replicas import two_replicas


def queue_of(size, features=1):
    queue = KeyQueue(size, 0.2)
    queue.build([(None, features), (None, features)])
    return queue


def test_keys_take_the_place_of_the_oldest_and_the_pointer_goes_round():
    queue = queue_of(6)
    queue.set_weights([np.arange(6.0).reshape(6, 1), np.array(4)])

    queue.enqueue(tf.constant([[10.0], [11.0]]))

    np.testing.assert_array_equal(queue.queue[:, 0], [0, 1, 2, 3, 10, 11])
    assert int(queue.queue_ptr) == 0


def test_it_begins_with_random_rows_of_unit_length_at_row_0():
    queue = queue_of(500, features=8)
    rows = queue.queue.numpy()

    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=0.07)  # deviation 0.016
    np.testing.assert_allclose(rows.std(axis=0), 8**-0.5, atol=0.04)
    assert int(queue.queue_ptr) == 0 and queue.queue_ptr.dtype == tf.int64


def test_after_one_round_no_first_row_is_left():
    queue = queue_of(12, features=3)
    first = queue.queue.numpy()

    for step in range(3):
        queue.enqueue(tf.fill([4, 3], float(step)))

    assert not np.any(np.all(queue.queue.numpy() == first, axis=1))
    np.testing.assert_array_equal(queue.queue[:, 0], np.repeat([0, 1, 2], 4))
    assert int(queue.queue_ptr) == 0


def test_no_weight_is_trainable():
    queue = queue_of(6)

    assert not queue.trainable_weights
    assert [weight.name for weight in queue.non_trainable_weights] == ["queue:0", "queue_ptr:0"]


def test_keys_that_do_not_divide_the_queue_are_refused():
    with pytest.raises(ConfigurationError, match="Received: 6 for 4 keys"):
        queue_of(6).enqueue(tf.zeros([4, 1]))


def test_it_comes_back_from_its_configuration():
    queue = KeyQueue(7, 0.3, name="queue")

    again = KeyQueue.from_config(queue.get_config())

    assert (again.size, again.temperature, again.name) == (7, 0.3, "queue")


def test_two_replicas_hold_the_same_queue():
    strategy = two_replicas()
    with strategy.scope():
        queue = queue_of(6)
        queue.set_weights([np.arange(6.0).reshape(6, 1), np.array(4)])

    @tf.function
    def step():
        for _ in tf.range(2):
            strategy.run(queue.enqueue, args=(tf.constant([[10.0], [11.0]]),))

    step()

    for variable, expected in ((queue.queue, [10, 11, 2, 3, 10, 11]), (queue.queue_ptr, 2)):
        for copy in strategy.experimental_local_results(variable):
            np.testing.assert_array_equal(np.squeeze(copy), expected)


def test_logits_of_a_layer_in_a_model_are_float32_in_half_precision():
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        logits = KeyQueue(4, 0.1)([tf.ones([2, 3]), tf.ones([2, 3])])
    finally:
        keras.mixed_precision.set_global_policy(policy)

    assert logits.dtype == tf.float32 and logits.shape == (2, 5)
