"""A dense layer that can be run backwards: tied weights."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class ReversibleDense(keras.layers.Layer):
    """`x W + b`, and with `reverse=True` `y W^T`, both linear.

    One layer called twice keeps the weights tied through `.keras` save and load, where
    two layers that share a variable would come back as two variables.

    Args:
        units: Width of the forward output.
        kernel_initializer: As in Keras.
        **kwargs: Further arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, features)` forwards, `(batch, units)` backwards. It is built forwards.
    """

    def __init__(self, units, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def build(self, input_shape):
        self.kernel = self.add_weight(
            "kernel", shape=(input_shape[-1], self.units), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight("bias", shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs, reverse=False):
        if reverse:
            return tf.matmul(inputs, self.kernel, transpose_b=True)
        return tf.matmul(inputs, self.kernel) + self.bias
