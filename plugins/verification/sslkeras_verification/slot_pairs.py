"""Features of pairs of frames."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class SlotPairs(keras.layers.Layer):
    """Puts the features of two places side by side, for each of given pairs.

    `(batch, frames, features)` to `(batch, pairs, 2 * features)`.

    Args:
        pairs: Places (i, j), in the order of the result.
    """

    def __init__(self, pairs, **kwargs):
        super().__init__(**kwargs)
        self.pairs = tuple(tuple(pair) for pair in pairs)

    def call(self, inputs):
        first, second = zip(*self.pairs)
        return tf.concat([tf.gather(inputs, first, axis=1), tf.gather(inputs, second, axis=1)], -1)

    def get_config(self):
        return {**super().get_config(), "pairs": self.pairs}
