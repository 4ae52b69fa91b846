"""Squared errors of restored images, before or after patches are averaged."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class RestorationLoss(keras.losses.Loss):
    """Squared error between a clean image and a restored one, which is not clipped.

    Args:
        over_pixels: "sum": `1/2 sum_j (F_j - y_j)^2`; "mean": `mean_j (F_j - y_j)^2`.
        patch_size: None to compare images. Otherwise outputs are single patches
            `(batch, h, w, patch_size^2 * channels)`, each compared with its part of the
            image, and divided by the number of patches over an inner pixel.
        reduction: As in Keras.
        name: As in Keras.
    """

    def __init__(self, over_pixels="sum", patch_size=None, *, reduction="auto", name="restoration"):
        super().__init__(reduction=reduction, name=name)
        self.over_pixels, self.patch_size = over_pixels, patch_size

    def get_config(self):
        return {
            **super().get_config(),
            "over_pixels": self.over_pixels,
            "patch_size": self.patch_size,
        }

    def call(self, targets, outputs):
        """float32 `(batch,)`."""
        targets, outputs = tf.cast(targets, tf.float32), tf.cast(outputs, tf.float32)
        overlap = 1
        if self.patch_size is not None:
            overlap = self.patch_size**2
            window = (1, self.patch_size, self.patch_size, 1)
            targets = tf.image.extract_patches(
                targets, window, strides=(1, 1, 1, 1), rates=(1, 1, 1, 1), padding="VALID"
            )
        errors = tf.math.squared_difference(targets, outputs)
        if self.over_pixels == "mean":
            return tf.reduce_mean(errors, axis=(1, 2, 3))
        return 0.5 * tf.reduce_sum(errors, axis=(1, 2, 3)) / overlap
