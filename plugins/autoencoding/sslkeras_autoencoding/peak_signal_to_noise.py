"""How near a restored image is to the clean one, in decibels."""

import keras
import tensorflow as tf

from sslkeras_autoencoding.overlapping_patches import average_patches

# Of images that agree: the ratio would be infinite, and with it every mean.
HIGHEST = 100.0


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class PeakSignalToNoise(keras.metrics.Mean):
    """Mean over images of `-10 log10(mean squared error)`, pixels clipped to [0, 1].

    Args:
        patch_size: None if outputs are images; else they are single patches of this size.
        name: As in Keras.
        dtype: As in Keras.
    """

    def __init__(self, patch_size=None, name="psnr", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.patch_size = patch_size

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}

    def update_state(self, targets, outputs, sample_weight=None):
        outputs = tf.cast(outputs, tf.float32)
        if self.patch_size is not None:
            outputs = average_patches(outputs, self.patch_size)
        targets = tf.clip_by_value(tf.cast(targets, tf.float32), 0.0, 1.0)
        outputs = tf.clip_by_value(outputs, 0.0, 1.0)
        errors = tf.reduce_mean(tf.math.squared_difference(targets, outputs), axis=(1, 2, 3))
        decibels = -10.0 * tf.math.log(tf.maximum(errors, 1e-10)) / tf.math.log(10.0)
        return super().update_state(tf.minimum(decibels, HIGHEST), sample_weight)
