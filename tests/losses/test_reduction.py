"""Tests of sslkeras.losses.reduction."""

import numpy as np
import tensorflow as tf

from sslkeras.losses import gather, global_ratio
from sslkeras.testing.replicas import two_replicas

ROWS = np.array([[1.0], [2.0], [4.0], [8.0]], np.float32)


def halves(strategy):
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(ROWS[2 * context.replica_id_in_sync_group :][:2])
    )


def test_one_replica_has_all_rows():
    np.testing.assert_array_equal(gather(tf.constant(ROWS)), ROWS)


def test_rows_of_replicas_come_in_their_order():
    strategy = two_replicas()

    for rows in strategy.experimental_local_results(strategy.run(gather, (halves(strategy),))):
        np.testing.assert_array_equal(rows, ROWS)


def test_a_gradient_reaches_the_rows_of_other_replicas():
    strategy = two_replicas()

    @tf.function
    def gradient(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            everyone = gather(rows)
            # Each replica asks for the products of its own rows with all.
            loss = tf.reduce_sum(rows * tf.transpose(everyone))
        return tape.gradient(loss, rows)

    parts = strategy.experimental_local_results(strategy.run(gradient, (halves(strategy),)))

    # Of the square of the sum, whose gradient is twice the sum.
    np.testing.assert_allclose(np.concatenate(parts), np.full((4, 1), 2 * ROWS.sum()))


def test_a_ratio_has_the_denominator_of_all_replicas():
    strategy = two_replicas()

    def share(rows):
        return global_ratio(tf.reduce_sum(rows), tf.reduce_sum(tf.square(rows)))

    parts = strategy.experimental_local_results(strategy.run(share, (halves(strategy),)))

    np.testing.assert_allclose(sum(float(part) for part in parts), ROWS.sum() / (ROWS**2).sum())
    assert float(global_ratio(tf.constant(1.0), tf.constant(0.0))) == 0
