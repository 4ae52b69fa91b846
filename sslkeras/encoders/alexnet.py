"""AlexNet and CaffeNet.

A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional
Neural Networks", NIPS 2012. CaffeNet is the variant that pools before it normalises.
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Real
from sslkeras.layers.grouped_convolution import GroupedConvolution
from sslkeras.layers.local_response_normalization import LocalResponseNormalization

_POOL = 3  # Side of the pooling windows; they overlap, as their stride is 2.


class AlexNet(Encoder):
    """Five convolutions and three poolings in the order of CaffeNet; gives a map or a vector.

        conv1 pool1 norm1  conv2 pool2 norm2  conv3 conv4 conv5 pool5  [fc6 fc7 ...]

    Each convolution and each fully connected layer is followed by ReLU, or by batch
    normalisation and ReLU. Without `fc_units` the trunk returns the map pool5, `(batch,
    height / (8 * stride), width / (8 * stride), filters[4])`, and takes images of any size;
    at width 224, stride 4 and padding "same" that is 7 x 7 x 256. The filters start as He
    et al. (2015), not with the deviation 0.01 of the paper.

    The trunk takes float32 images and does not rescale them. Local response normalisation
    was made for values in [0, 255] and hardly changes smaller ones.

    Args:
        filters: Channels of the five convolutions. Defaults to (96, 256, 384, 384, 256).
        kernel_size: Side of the kernels of conv1 in pixels. Defaults to 11. Those of conv2
            have 5, the others 3.
        stride: Stride of conv1. Defaults to 4; 1 or 2 suits small images.
        padding: Of conv1 and the poolings: "same", or "valid" as in Caffe with images of
            227 x 227 pixels (6 x 6 x 256). Defaults to "same".
        groups: Groups of conv2, conv4 and conv5, a divisor of all `filters`. Defaults to 2,
            as in the paper; 1 for none.
        local_response_norm: Whether pool1 and pool2 are followed by local response
            normalisation over 5 channels with alpha 1e-4 and beta 0.75. Defaults to True.
        batch_norm: "none"; "plain": batch normalisation without learned scale and shift
            after conv3, conv4, conv5 and the fully connected layers; "affine": with both.
            Defaults to "none".
        fc_units: Units of the fully connected layers on the flat map, such as (4096, 4096)
            for fc6 and fc7. Defaults to (), for the map.
        dropout: Fraction dropped after each fully connected layer, in [0, 1). Defaults
            to 0.5.

    Raises:
        ConfigurationError: If an argument is out of range or `groups` does not divide the
            filters; when the trunk is built, if the images are too small, or of unknown size
            where there are fully connected layers.
    """

    hyperparameters = {
        "filters": ListOf(Integer(1), length=5),
        "kernel_size": Integer(1, unit="pixels"),
        "stride": Integer(1),
        "padding": Choice("same", "valid"),
        "groups": Integer(1),
        "local_response_norm": Boolean(),
        "batch_norm": Choice("none", "plain", "affine"),
        "fc_units": ListOf(Integer(1)),
        "dropout": Real(0, 1, closed="left"),
    }

    def __init__(
        self,
        *,
        filters=(96, 256, 384, 384, 256),
        kernel_size=11,
        stride=4,
        padding="same",
        groups=2,
        local_response_norm=True,
        batch_norm="none",
        fc_units=(),
        dropout=0.5,
    ):
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            groups=groups,
            local_response_norm=local_response_norm,
            batch_norm=batch_norm,
            fc_units=fc_units,
            dropout=dropout,
        )
        if any(one % self.groups for one in self.filters):
            raise ConfigurationError(
                "`groups` of AlexNet must divide each of `filters`. Received: "
                f"groups={self.groups}, filters={self.filters}. Choose groups=1 for none."
            )

    def build(self, input_shape):
        check_image("AlexNet", input_shape, self._least_side())
        if self.fc_units and None in input_shape:
            raise ConfigurationError(
                "`fc_units` of AlexNet needs images of one size. Received: images "
                f"{input_shape}. Choose fc_units=(), which gives a map for any size."
            )
        image = keras.Input(input_shape)
        x = keras.layers.Conv2D(
            self.filters[0],
            self.kernel_size,
            self.stride,
            padding=self.padding,
            activation="relu",
            kernel_initializer="he_normal",
            name="conv1",
        )(image)
        x = self._pooled(x, 1)
        x = self._pooled(self._convolution(x, 2, 5, self.groups), 2)
        x = self._convolution(x, 3, 3, 1)
        x = self._convolution(x, 4, 3, self.groups)
        x = self._convolution(x, 5, 3, self.groups)
        x = keras.layers.MaxPooling2D(_POOL, 2, padding=self.padding, name="pool5")(x)
        if self.fc_units:
            x = keras.layers.Flatten(name="flat")(x)
        for number, units in enumerate(self.fc_units, start=6):
            x = keras.layers.Dense(
                units,
                use_bias=self.batch_norm == "none",
                kernel_initializer="he_normal",
                name=f"fc{number}",
            )(x)
            x = self._activated(x, f"fc{number}")
            if self.dropout:
                x = keras.layers.Dropout(self.dropout, name=f"drop{number}")(x)
        return keras.Model(image, x)

    def _least_side(self):
        """The side of the smallest image that leaves a pixel in pool5."""
        if self.padding == "same":
            return 1
        side = 1
        for _ in range(3):
            side = (side - 1) * 2 + _POOL
        return (side - 1) * self.stride + self.kernel_size

    def _pooled(self, x, number):
        x = keras.layers.MaxPooling2D(_POOL, 2, padding=self.padding, name=f"pool{number}")(x)
        if self.local_response_norm:
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        return x

    def _convolution(self, x, number, kernel_size, groups):
        normalised = self.batch_norm != "none" and number >= 3  # Which has no need of a bias.
        x = GroupedConvolution(
            self.filters[number - 1],
            kernel_size,
            groups,
            use_bias=not normalised,
            name=f"conv{number}",
        )(x)
        if normalised:
            return self._activated(x, f"conv{number}")
        return keras.layers.Activation("relu", name=f"conv{number}_relu")(x)

    def _activated(self, x, name):
        """ReLU, after batch normalisation if there is any."""
        if self.batch_norm != "none":
            affine = self.batch_norm == "affine"
            x = keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, center=affine, scale=affine, name=f"{name}_norm"
            )(x)
        return keras.layers.Activation("relu", name=f"{name}_relu")(x)
