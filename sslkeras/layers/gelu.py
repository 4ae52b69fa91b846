"""GELU.

D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016,
https://arxiv.org/abs/1606.08415.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras")
class Gelu(keras.layers.Layer):
    """x Phi(x), Phi the distribution function of the normal distribution.

    Args:
        approximate: Whether Phi(x) is (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, as in
            BERT's reference code, instead of exact.
    """

    def __init__(self, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.approximate = bool(approximate)

    def call(self, inputs):
        return tf.nn.gelu(inputs, approximate=self.approximate)

    def get_config(self):
        return {**super().get_config(), "approximate": self.approximate}
