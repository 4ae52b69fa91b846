"""Convolutions in groups, as trunks from the time of two small GPUs have them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras")
class GroupedConvolution(keras.layers.Layer):
    """A convolution of stride 1 with zero padding whose groups see a part of the channels each.

    `keras.layers.Conv2D(groups=...)` computes the same, but compiles its step with XLA,
    which is several times slower on a CPU. Here each group is a plain convolution.

    Takes `(batch, height, width, channels)` and gives `(batch, height, width, filters)`;
    group g makes the g-th part of the filters from the g-th part of the channels.

    Args:
        filters: Channels of the output, a multiple of `groups`.
        kernel_size: Side of the kernels in pixels.
        groups: Number of groups, a divisor of the channels of the input.
        use_bias: Whether there is a bias.
        **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, filters, kernel_size, groups, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.groups = filters, kernel_size, groups
        self.use_bias = use_bias

    def build(self, input_shape):
        channels = input_shape[-1] // self.groups
        side = self.kernel_size
        self.kernel = self.add_weight(
            "kernel", (side, side, channels, self.filters), initializer="he_normal"
        )
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None
        super().build(input_shape)

    def call(self, inputs):
        parts = zip(
            tf.split(inputs, self.groups, axis=-1), tf.split(self.kernel, self.groups, axis=-1)
        )
        maps = tf.concat([tf.nn.conv2d(part, kernel, 1, "SAME") for part, kernel in parts], axis=-1)
        return maps if self.bias is None else tf.nn.bias_add(maps, self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "groups": self.groups,
            "use_bias": self.use_bias,
        }
