"""The reported figure of reconstruction tasks."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class SquaredError(keras.metrics.Mean):
    """Squared error summed over an image, averaged over images, whatever the loss is.

    Args:
        from_logits: Whether outputs are logits, whose sigmoid is compared.
        name: As in Keras.
        dtype: As in Keras.
    """

    def __init__(self, from_logits=False, name="squared_error", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}

    def update_state(self, targets, outputs, sample_weight=None):
        outputs = tf.cast(outputs, tf.float32)
        if self.from_logits:
            outputs = tf.sigmoid(outputs)
        # Targets of an emphasised loss carry the corruption behind the clean channels.
        clean = tf.cast(targets, tf.float32)[..., : outputs.shape[-1]]
        axes = list(range(1, outputs.shape.rank))
        errors = tf.reduce_sum(tf.math.squared_difference(clean, outputs), axis=axes)
        return super().update_state(errors, sample_weight)
