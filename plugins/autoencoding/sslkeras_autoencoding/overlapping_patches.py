"""The last layer of the restoration network: every position emits a patch."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class OverlappingPatches(keras.layers.Layer):
    """Averages overlapping patches, a "full" convolution divided by how many overlap:

        output = scale * (sum of the patches W f at a pixel) / (their number) + b + offset

    The number is exact: `patch_size^2` inside and less towards the border, 1 in a corner.

    Args:
        channels: Channels of the output.
        patch_size: Rows and columns of a patch.
        scale: Factor; `patch_size` lets a small random layer start at a useful size.
        offset: Constant added, e.g. 0.5 for the middle of the pixel range.
        averaged: True: the image. False: the single patches before averaging.
        **kwargs: Further arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, maps)`.

    Output shape:
        `(batch, height + patch_size - 1, width + patch_size - 1, channels)`, or
        `(batch, height, width, patch_size * patch_size * channels)` if not averaged.
    """

    def __init__(self, channels, patch_size, *, scale=1.0, offset=0.0, averaged=True, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.patch_size = channels, patch_size
        self.scale, self.offset, self.averaged = scale, offset, averaged

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "patch_size": self.patch_size,
            "scale": self.scale,
            "offset": self.offset,
            "averaged": self.averaged,
        }

    def build(self, input_shape):
        side = self.patch_size
        self.kernel = self.add_weight(
            "kernel",
            shape=(side, side, self.channels, input_shape[-1]),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight("bias", shape=(self.channels,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        if self.averaged:
            average = overlap_add(inputs, self.kernel) / overlap_count(inputs, self.patch_size)
            return self.scale * average + self.bias + self.offset
        shape = tf.shape(inputs)
        patches = tf.einsum("bhwm,yxcm->bhwyxc", inputs, self.kernel)
        patches = self.scale * patches + self.bias + self.offset
        width = self.patch_size**2 * self.channels
        return tf.reshape(patches, [shape[0], shape[1], shape[2], width])

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        if not self.averaged:
            return batch, height, width, self.patch_size**2 * self.channels
        more = self.patch_size - 1
        sides = (None if side is None else side + more for side in (height, width))
        return batch, *sides, self.channels


def overlap_add(maps, kernel):
    """Adds up the patches that each position emits.

    Args:
        maps: float `(batch, height, width, maps)`.
        kernel: float `(side, side, channels, maps)`.

    Returns:
        float `(batch, height + side - 1, width + side - 1, channels)`.
    """
    side, _, channels, _ = kernel.shape
    shape = tf.shape(maps)
    size = [shape[0], shape[1] + side - 1, shape[2] + side - 1, channels]
    return tf.nn.conv2d_transpose(maps, kernel, size, strides=1, padding="VALID")


def overlap_count(maps, side):
    """How many patches overlap at each pixel, `(1, height + side - 1, width + side - 1, 1)`."""
    shape = tf.shape(maps)
    ones = tf.ones([1, shape[1], shape[2], 1], maps.dtype)
    return overlap_add(ones, tf.ones((side, side, 1, 1), maps.dtype))


def average_patches(patches, side):
    """The image that `(batch, height, width, side * side * channels)` patches agree on."""
    channels = patches.shape[-1] // side**2
    # A one-hot kernel puts each number of a patch where it belongs.
    eye = tf.reshape(
        tf.eye(patches.shape[-1], dtype=patches.dtype),
        (side, side, channels, patches.shape[-1]),
    )
    return overlap_add(patches, eye) / overlap_count(patches, side)
