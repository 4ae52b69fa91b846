"""A plain convolutional network of clips."""

import keras

from sslkeras.encoders.encoder import Encoder, check_activation, check_clip
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, ListOf, Optional, Text
from sslkeras.layers.convolution3d import convolution_3d


class Convnet3D(Encoder):
    """A few convolutions over time and space in a row; small and quick, gives maps over time.

    Each layer is a convolution with zero padding, batch normalisation and the activation. The
    trunk takes float32 clips in [0, 1] of any length and returns `(batch, time / product of
    time_strides, height / product of strides, width / product of strides, filters[-1])`, sizes
    rounded up. With the default `time_strides` it has features for each frame. Zero padding
    over time lets it see how near the ends of the clip are.

    Args:
        filters: Channels of each layer, one or more values. Defaults to (32, 64, 128).
        kernel_size: Side of the kernels in pixels. Defaults to 3.
        time_kernel_size: Length of the kernels in frames. Defaults to 3.
        strides: Stride of each layer in space, as many as `filters`. Defaults to (1, 2, 2).
        time_strides: Stride of each layer in time, as many as `filters`. None: 1 in all.
        batch_norm: Whether each convolution is followed by batch normalisation. Without,
            it has a bias. Defaults to True.
        activation: Name of a Keras activation. Defaults to "relu".

    Raises:
        ConfigurationError: If an argument is out of range, strides and `filters` differ in
            length, or the trunk is built for anything but clips.
    """

    hyperparameters = {
        "filters": ListOf(Integer(1), min_length=1),
        "kernel_size": Integer(1, unit="pixels"),
        "time_kernel_size": Integer(1, unit="frames"),
        "strides": ListOf(Integer(1), min_length=1),
        "time_strides": Optional(ListOf(Integer(1), min_length=1), "1 in all layers"),
        "batch_norm": Boolean(),
        "activation": Text("the name of a Keras activation"),
    }

    def __init__(
        self,
        *,
        filters=(32, 64, 128),
        kernel_size=3,
        time_kernel_size=3,
        strides=(1, 2, 2),
        time_strides=None,
        batch_norm=True,
        activation="relu",
    ):
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            time_kernel_size=time_kernel_size,
            strides=strides,
            time_strides=time_strides,
            batch_norm=batch_norm,
            activation=activation,
        )
        for name in ("strides", "time_strides"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.filters):
                raise ConfigurationError(
                    f"`{name}` of Convnet3D must have as many values as `filters`. Received: "
                    f"filters={self.filters}, {name}={values}. Give one stride a layer."
                )
        check_activation(self)

    def build(self, input_shape):
        check_clip("Convnet3D", input_shape)
        inputs = keras.Input(input_shape)
        time_strides = self.time_strides or (1,) * len(self.filters)
        x = inputs
        for filters, stride, time_stride in zip(
            self.filters, self.strides, time_strides, strict=True
        ):
            x = convolution_3d(
                filters,
                (self.time_kernel_size, self.kernel_size, self.kernel_size),
                (time_stride, stride, stride),
                use_bias=not self.batch_norm,
                kernel_initializer="he_normal",
            )(x)
            if self.batch_norm:
                x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
            x = keras.layers.Activation(self.activation)(x)
        return keras.Model(inputs, x)
