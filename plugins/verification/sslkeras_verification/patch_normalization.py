"""Patches without their brightness and contrast, which neighbours share."""

import keras
import tensorflow as tf

# Of a patch with pixels in [0, 1]; below it there is nothing but rounding.
_LEAST_DEVIATION = 1e-5


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class PatchNormalization(keras.layers.Layer):
    """Takes the mean out of each channel of an image and gives the image one contrast.

        y = scale * (x - mean of its channel) / rms,  rms over all pixels and channels

    Each image is treated by itself, in float32, in training as in inference. One without any
    contrast becomes 0.

    Args:
        scale: Root mean square of the result, > 0.
    """

    def __init__(self, scale=1.0, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.scale = float(scale)

    def call(self, inputs):
        # Twice, as the first mean of an even patch is off by rounding.
        centred = inputs - tf.reduce_mean(inputs, axis=(1, 2), keepdims=True)
        centred -= tf.reduce_mean(centred, axis=(1, 2), keepdims=True)
        return to_rms(centred, self.scale)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def to_rms(images, scale):
    """Images multiplied so that the root of the mean square of each is `scale`.

    Args:
        images: float32 `(batch, height, width, channels)`.
        scale: Positive number.

    Returns:
        float32 of the same shape.
    """
    square = tf.reduce_mean(tf.square(images), axis=(1, 2, 3), keepdims=True)
    return images * (scale / tf.maximum(tf.sqrt(square), _LEAST_DEVIATION))


def normalised_trunk(encoder, shape, scale=1.0):
    """The trunk called "encoder", with `PatchNormalization` in front.

    So what transfers sees whole images as it saw patches.

    Args:
        encoder: Factory of trunks.
        shape: Of one patch.
        scale: See `PatchNormalization`.
    """
    image = keras.Input(shape, name="image")
    trunk = encoder(shape, name="trunk")
    normalised = PatchNormalization(scale, name="normalise")(image)
    return keras.Model(image, trunk(normalised), name="encoder")
