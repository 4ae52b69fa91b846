"""Spatial softmax: where in a map each channel is active.

C. Finn et al., "Deep Spatial Autoencoders for Visuomotor Learning", ICRA 2016,
https://arxiv.org/abs/1509.06113 (section V-A).
"""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError


@keras.saving.register_keras_serializable(package="sslkeras")
class SpatialSoftmax(keras.layers.Layer):
    """The expected place of each channel: `(batch, height, width, channels)` to coordinates.

        p = softmax over places of a / temperature,   x = sum p x_place,   y = sum p y_place

    with x from -1 (left) to 1 (right) and y from -1 (top) to 1 (bottom). The output is
    `(batch, 2 channels)`: x and y of the first channel, x and y of the second, ...

    The temperature is one weight that learns. Its logarithm is what is stored, so that it
    stays positive.

    Args:
        temperature: Where it begins, > 0.

    Raises:
        ConfigurationError: If `temperature` is out of range, or the map's size is unknown.
    """

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        if not temperature > 0:
            raise ConfigurationError(
                f"`temperature` of SpatialSoftmax must be > 0. Received: {temperature!r}."
            )
        self.temperature = float(temperature)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ConfigurationError(
                "SpatialSoftmax takes maps (batch, height, width, channels) of known size. "
                f"Received: {tuple(input_shape)}."
            )
        self.log_temperature = self.add_weight(
            "log_temperature",
            shape=(),
            # Of a sum of exponentials, which half precision does not hold.
            dtype="float32",
            initializer=keras.initializers.Constant(tf.math.log(self.temperature).numpy()),
        )
        super().build(input_shape)

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        places = tf.reshape(tf.cast(inputs, tf.float32), [-1, height * width, channels])
        share = tf.nn.softmax(places * tf.exp(-tf.cast(self.log_temperature, tf.float32)), axis=1)
        y, x = tf.meshgrid(_from_minus_one(height), _from_minus_one(width), indexing="ij")
        grid = tf.stack([tf.reshape(x, [-1]), tf.reshape(y, [-1])], axis=1)
        expected = tf.einsum("bpc,pk->bck", share, grid)
        return tf.cast(tf.reshape(expected, [-1, 2 * channels]), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


def _from_minus_one(count):
    """`count` places from -1 to 1; a single one lies at 0."""
    return tf.linspace(-1.0, 1.0, count) if count > 1 else tf.zeros([1])
