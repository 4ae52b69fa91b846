"""A plain convolutional network."""

import keras

from sslkeras.encoders.encoder import Encoder, check_activation, check_image
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, ListOf, Optional, Text


class Convnet(Encoder):
    """A few convolutions in a row; small and quick, gives a map.

    Each layer is a convolution with zero padding, a normalisation and the activation.
    The trunk takes float32 images in [0, 1] and returns `(batch, height / product of
    strides, width / product of strides, filters[-1])`, sizes rounded up.

    Args:
        filters: Channels of each layer, one or more values. Defaults to (32, 64, 128).
        kernel_size: Side of the kernels in pixels. Defaults to 3.
        strides: Stride of each layer, as many as `filters`. Defaults to (1, 2, 2).
        batch_norm: Whether each convolution is followed by batch normalisation. Without,
            and without group normalisation, it has a bias. Defaults to True.
        group_norm: Groups of channels that are normalised in each example apart, in place of
            batch normalisation, or None. For batches whose examples are much alike, such as
            frames of one video, whose statistics do not hold for other videos.
        activation: Name of a Keras activation. Defaults to "relu".

    Raises:
        ConfigurationError: If an argument is out of range, `strides` and `filters` differ in
            length, or the trunk is built for anything but images.
    """

    hyperparameters = {
        "filters": ListOf(Integer(1), min_length=1),
        "kernel_size": Integer(1, unit="pixels"),
        "strides": ListOf(Integer(1), min_length=1),
        "batch_norm": Boolean(),
        "group_norm": Optional(Integer(1, unit="groups"), "no group normalisation"),
        "activation": Text("the name of a Keras activation"),
    }

    def __init__(
        self,
        *,
        filters=(32, 64, 128),
        kernel_size=3,
        strides=(1, 2, 2),
        batch_norm=True,
        group_norm=None,
        activation="relu",
    ):
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            batch_norm=batch_norm,
            group_norm=group_norm,
            activation=activation,
        )
        if len(self.strides) != len(self.filters):
            raise ConfigurationError(
                "`strides` of Convnet must have as many values as `filters`. Received: "
                f"filters={self.filters}, strides={self.strides}. Give one stride a layer."
            )
        if self.group_norm and any(channels % self.group_norm for channels in self.filters):
            raise ConfigurationError(
                "`group_norm` of Convnet must divide each of `filters`. Received: "
                f"filters={self.filters}, group_norm={group_norm}. Change one of them."
            )
        check_activation(self)

    def build(self, input_shape):
        check_image("Convnet", input_shape)
        inputs = keras.Input(input_shape)
        x = inputs
        for filters, stride in zip(self.filters, self.strides, strict=True):
            x = keras.layers.Conv2D(
                filters,
                self.kernel_size,
                stride,
                padding="same",
                use_bias=not (self.batch_norm or self.group_norm),
                kernel_initializer="he_normal",
            )(x)
            if self.group_norm:
                x = keras.layers.GroupNormalization(self.group_norm, epsilon=1e-5)(x)
            elif self.batch_norm:
                x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
            x = keras.layers.Activation(self.activation)(x)
        return keras.Model(inputs, x)
