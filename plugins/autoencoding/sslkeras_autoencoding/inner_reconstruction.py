"""The loss of a layer-wise stage, whose target the model computes itself."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class InnerReconstruction(keras.losses.Loss):
    """Applies a reconstruction loss within one output `[prediction, target]`.

    A greedy stage predicts the output of the layers below. That is computed in the same
    forward pass, on the same replica, so it travels beside the prediction.

    Args:
        inner: A reconstruction loss. If it is emphasised, the output is `[prediction,
            target, corrupted]`.
        reduction: As in Keras.
        name: As in Keras.
    """

    def __init__(self, inner, *, reduction="auto", name="inner_reconstruction"):
        super().__init__(reduction=reduction, name=name)
        self.inner = inner

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config["inner"])
        return cls(**{**config, "inner": inner})

    def call(self, targets, outputs):
        """float32 `(batch,)` from outputs `(batch, parts * width)`; `targets` are not read."""
        parts = 3 if self.inner.emphasised else 2
        width = outputs.shape[-1] // parts
        prediction, target = tf.split(outputs, [width, (parts - 1) * width], axis=-1)
        return self.inner.call(target, prediction)
