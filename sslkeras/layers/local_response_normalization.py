"""Local response normalisation (Krizhevsky et al. 2012, section 3.3)."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by what its neighbours among the channels have.

        y_c = x_c / (1 + alpha / n * sum_{c' in window of n around c} x_c'^2)^beta

    At the border the window is cut, and n stays. Computed in float32. The constants were
    chosen for inputs of the scale of pixels in [0, 255]: for small inputs it changes little.

    Args:
        size: n, the channels of the window, odd. Defaults to 5.
        alpha: Defaults to 1e-4. As in Caffe it is divided by n; the formula in Krizhevsky
            et al. has no such division.
        beta: Defaults to 0.75.
        **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.size, self.alpha, self.beta = size, alpha, beta

    def call(self, inputs):
        return tf.nn.local_response_normalization(
            inputs, self.size // 2, bias=1.0, alpha=self.alpha / self.size, beta=self.beta
        )

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
        }
