"""Freezing by leaving the gradient out."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras")
class StopGradient(keras.layers.Layer):
    """Passes its input on and stops the gradient, so that what lies below keeps its weights.

    `layer.trainable = False` would freeze as well, but turns batch normalisation to
    inference and is forgotten when the same layer is trained in another model.
    """

    def call(self, inputs):
        return tf.nest.map_structure(tf.stop_gradient, inputs)
