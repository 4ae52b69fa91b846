"""Several views of one example as several examples, and back."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_rotation")
class FoldViews(keras.layers.Layer):
    """`(batch, views, ...)` to `(batch * views, ...)`: one call of the encoder for all views.

    A call for each view would give batch normalisation another set of statistics each
    time, by which the network could tell the views apart.
    """

    def call(self, inputs):
        return tf.reshape(inputs, [-1, *inputs.shape[2:]])


@keras.saving.register_keras_serializable(package="sslkeras_rotation")
class UnfoldViews(keras.layers.Layer):
    """`(batch * views, ...)` to `(batch, views, ...)`.

    Args:
        num_views: Views of one example.
    """

    def __init__(self, num_views, **kwargs):
        super().__init__(**kwargs)
        self.num_views = num_views

    def call(self, inputs):
        return tf.reshape(inputs, [-1, self.num_views, *inputs.shape[1:]])

    def get_config(self):
        return {**super().get_config(), "num_views": self.num_views}
