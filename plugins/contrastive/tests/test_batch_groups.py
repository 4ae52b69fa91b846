"""Tests of sslkeras_contrastive.batch_groups."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_contrastive.batch_groups import encode_in_groups


def normalisation():
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=0.0)
    layer.build((None, 2))
    return layer


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_each_group_is_normalised_by_itself(groups):
    batch = tf.random.stateless_uniform([6, 2], [0, 1])
    layer = normalisation()

    encoded = encode_in_groups(
        lambda part: layer(part, training=True), batch, groups, layer.non_trainable_variables
    )

    parts = np.split(batch.numpy(), groups)
    expected = np.concatenate([(part - part.mean(0)) / part.std(0) for part in parts])
    np.testing.assert_allclose(encoded, expected, rtol=1e-3, atol=1e-4)
    # One step of the moving statistics, with the mean over the groups.
    means = np.mean([part.mean(0) for part in parts], axis=0)
    variances = np.mean([part.var(0) for part in parts], axis=0)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * means, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variances, rtol=1e-4)


def test_the_same_in_a_graph():
    batch = tf.random.stateless_uniform([6, 2], [0, 1])
    eager, graph = normalisation(), normalisation()

    first, second = (
        wrap(encode_in_groups)(
            lambda part, layer=layer: layer(part, training=True),
            batch,
            3,
            layer.non_trainable_variables,
        )
        for layer, wrap in ((eager, lambda function: function), (graph, tf.function))
    )

    np.testing.assert_allclose(first, second, rtol=1e-5)
    np.testing.assert_allclose(eager.moving_mean, graph.moving_mean, rtol=1e-6)
