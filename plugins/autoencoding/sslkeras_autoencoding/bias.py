"""A bias on its own."""

import keras


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class Bias(keras.layers.Layer):
    """Adds a learnt vector to the last axis; it starts at 0.

    The way back through tied weights needs a bias of its own. In a layer apart it stays
    out of the encoder, which would hold a weight that it never uses.
    """

    def build(self, input_shape):
        self.bias = self.add_weight("bias", shape=(input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.bias
