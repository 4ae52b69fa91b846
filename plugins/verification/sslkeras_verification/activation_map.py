"""Where the evidence for an answer lies.

B. Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016
(class activation maps); R. R. Selvaraju et al., "Grad-CAM", ICCV 2017.
"""

import keras
import tensorflow as tf


def class_activation(maps, weights, bias):
    """CAM(y, x) = sum_c w_c F(y, x, c) + b, whose mean over the map is the logit.

    Args:
        maps: F, float `(batch, height, width, channels)`.
        weights: w, `(channels,)`.
        bias: b, a scalar.

    Returns:
        `(batch, height, width)`.
    """
    return tf.einsum("byxc,c->byx", maps, weights) + bias


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class ActivationHead(keras.layers.Layer):
    """Global average pooling and one unit, with the class activation map.

    Takes `(batch, height, width, channels)`. Gives the logit `(batch, 1)` and the map
    `(batch, height, width)`, both float32.
    """

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], 1), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        evidence = class_activation(tf.cast(inputs, tf.float32), self.kernel[:, 0], self.bias)
        return tf.reduce_mean(evidence, axis=(1, 2))[:, tf.newaxis], evidence


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class GradientHead(keras.layers.Layer):
    """Global average pooling, a hidden layer and one unit, with Grad-CAM.

        Grad-CAM(y, x) = ReLU(sum_c a_c F(y, x, c)),  a_c = mean over y, x of d logit / d F(y, x, c)

    Takes and gives what `ActivationHead` does.

    Args:
        units: Width of the hidden layer.
        **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = keras.layers.Dense(
            units, "relu", kernel_initializer="he_normal", dtype="float32"
        )
        self.last = keras.layers.Dense(1, dtype="float32")

    def build(self, input_shape):
        self.hidden.build((None, input_shape[-1]))
        self.last.build((None, self.units))
        super().build(input_shape)

    def call(self, inputs):
        maps = tf.cast(inputs, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            logit = self.last(self.hidden(tf.reduce_mean(maps, axis=(1, 2))))
        weights = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2))
        evidence = tf.nn.relu(tf.einsum("byxc,bc->byx", maps, weights))
        return logit, tf.stop_gradient(evidence)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
