"""Tests of sslkeras.layers.stop_gradient."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.layers.stop_gradient import StopGradient


def test_values_pass_and_gradients_do_not():
    below, above = keras.layers.Dense(2), keras.layers.Dense(1)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, above(StopGradient()(below(inputs))))
    x = tf.ones([4, 3])

    with tf.GradientTape() as tape:
        y = model(x)
    gradients = tape.gradient(y, [below.kernel, above.kernel])

    np.testing.assert_allclose(y, above(below(x)), rtol=1e-6)
    assert gradients[0] is None
    assert gradients[1] is not None
