"""Tests of sslkeras.layers.reproducible_dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.reproducible_dropout import ReproducibleDropout


def dropping(rate=0.25, seed=0):
    keras.utils.set_random_seed(seed)
    layer = ReproducibleDropout(rate)
    layer.build((None, 100))
    return layer


def test_drops_its_share_and_keeps_the_mean():
    dropped = dropping()(tf.ones([400, 100]), training=True).numpy()

    # 40,000 draws: 3 standard deviations are 0.0065.
    np.testing.assert_allclose((dropped == 0).mean(), 0.25, atol=0.0065)
    np.testing.assert_allclose(dropped[dropped != 0], 4 / 3, rtol=1e-6)


def test_every_call_in_training_drops_others_and_inference_none():
    layer, ones = dropping(), tf.ones([4, 100])

    first, second = layer(ones, training=True), layer(ones, training=True)

    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(ones, training=False), ones)
    np.testing.assert_array_equal(layer(ones), ones)


def test_goes_on_from_its_weights_as_it_would_have():
    layer, ones = dropping(), tf.ones([4, 100])
    layer(ones, training=True)
    kept = layer.get_weights()
    expected = layer(ones, training=True)
    other = dropping(seed=1)
    assert not np.array_equal(other(ones, training=True), expected)

    other.set_weights(kept)

    np.testing.assert_array_equal(tf.function(other)(ones, training=True), expected)


def test_seeds_of_layers_differ_and_are_those_of_the_run():
    keras.utils.set_random_seed(3)
    one, other = ReproducibleDropout(0.5), ReproducibleDropout(0.5)
    one.build((None, 2)), other.build((None, 2))

    keras.utils.set_random_seed(3)
    again = ReproducibleDropout(0.5)
    again.build((None, 2))

    assert one.get_weights()[0][0] != other.get_weights()[0][0]
    np.testing.assert_array_equal(one.get_weights(), again.get_weights())


def test_shares_draws_along_axes():
    layer = ReproducibleDropout(0.5, shared_axes=(1,))

    dropped = layer(tf.ones([8, 5, 16]), training=True).numpy()

    np.testing.assert_array_equal(dropped, np.repeat(dropped[:, :1], 5, axis=1))
    assert len(np.unique(dropped[:, 0], axis=0)) > 1


def test_without_a_rate_there_is_no_weight():
    layer = ReproducibleDropout(0.0)

    np.testing.assert_array_equal(layer(tf.ones([2, 3]), training=True), np.ones([2, 3]))
    assert not layer.weights


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ConfigurationError, match="`rate` of ReproducibleDropout must"):
        ReproducibleDropout(rate)
