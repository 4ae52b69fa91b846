"""Residual networks.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385 (table 1).
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, Optional, Text

# A smaller image would be a single pixel before the last stage of blocks.
_LEAST_SIDE = 8


class _ResNet(Encoder):
    """A residual network of four stages of blocks; gives a map.

    The trunk takes float32 images in [0, 1] and returns `(batch, height / stride, width /
    stride, channels)`, sizes rounded up: stride 32 with the paper's stem, 8 with the stem
    for small images. The convolutions have no bias, as batch normalisation follows each.
    Where a bottleneck block halves the size, its 3 x 3 convolution has the stride (the
    paper's table gives it to the 1 x 1 before), as in most later work. Average pooling and
    the classifier are left out.

    Args:
        width: Channels of the first stage, doubled in each further one. Defaults to 64.
        small_image_stem: Whether the 7 x 7 convolution of stride 2 and the max pooling are
            replaced by one 3 x 3 convolution of stride 1, as in section 4.2 of the paper.
            None: for images with a side below 64 pixels.
        zero_init_residual: Whether each block begins as the identity: the last batch
            normalisation of a block scales by 0 at first (Goyal et al. 2017). Defaults
            to False.
        last_block: Name of the block that ends the trunk, as "stage3_3" for conv4c of
            ResNet-50 (1024 channels, stride 16). None: the last one.

    Raises:
        ConfigurationError: If an argument is out of range or there is no such block, or the
            trunk is built for anything but images of at least 8 x 8 pixels.
    """

    hyperparameters = {
        "width": Integer(1),
        "small_image_stem": Optional(Boolean(), "for images with a side below 64 pixels"),
        "zero_init_residual": Boolean(),
        "last_block": Optional(Text("the name of a block, such as 'stage3_3'"), "the last one"),
    }
    blocks: tuple  # in each stage
    bottleneck: bool

    def __init__(
        self, *, width=64, small_image_stem=None, zero_init_residual=False, last_block=None
    ):
        super().__init__(
            width=width,
            small_image_stem=small_image_stem,
            zero_init_residual=zero_init_residual,
            last_block=last_block,
        )
        names = [name for name, _, _ in self._blocks()]
        if self.last_block not in (None, *names):
            raise ConfigurationError(
                f"`last_block` of {type(self).__name__} must be one of {', '.join(names)}. "
                f"Received: last_block={last_block!r}. Choose one of them, or None for all."
            )

    def build(self, input_shape):
        check_image(type(self).__name__, input_shape, _LEAST_SIDE)
        inputs = keras.Input(input_shape)
        x = self._stem(inputs, input_shape)
        for name, filters, stride in self._blocks():
            x = self._block(x, filters, stride, name)
            if name == self.last_block:
                break
        return keras.Model(inputs, x)

    def _blocks(self):
        """(name, filters, stride) of each block, in order."""
        return [
            (
                f"stage{stage + 1}_{block + 1}",
                self.width * 2**stage,
                2 if stage > 0 and block == 0 else 1,
            )
            for stage, blocks in enumerate(self.blocks)
            for block in range(blocks)
        ]

    def _stem(self, x, input_shape):
        small = self.small_image_stem
        if small is None:
            sides = [side for side in input_shape[:2] if side is not None]
            small = bool(sides) and min(sides) < 64
        if small:
            return _relu(_convolution(x, self.width, 3, 1, "stem"), "stem_relu")
        x = _relu(_convolution(x, self.width, 7, 2, "stem"), "stem_relu")
        return keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)

    def _block(self, x, filters, stride, name):
        """relu(x + F(x)), where F is two 3 x 3 or 1 x 1, 3 x 3, 1 x 1 convolutions."""
        if self.bottleneck:
            layers = [(filters, 1, 1), (filters, 3, stride), (4 * filters, 1, 1)]
        else:
            layers = [(filters, 3, stride), (filters, 3, 1)]
        shortcut, outputs = x, layers[-1][0]
        if stride > 1 or x.shape[-1] != outputs:
            shortcut = _convolution(x, outputs, 1, stride, f"{name}_shortcut")
        for number, (channels, kernel_size, step) in enumerate(layers[:-1]):
            x = _convolution(x, channels, kernel_size, step, f"{name}_{number + 1}")
            x = _relu(x, f"{name}_{number + 1}_relu")
        channels, kernel_size, step = layers[-1]
        gamma = "zeros" if self.zero_init_residual else "ones"
        x = _convolution(x, channels, kernel_size, step, f"{name}_{len(layers)}", gamma)
        return _relu(keras.layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_relu")


class ResNet18(_ResNet):
    """ResNet-18: 11.18 million weights on colour images at width 64."""

    __doc__ += "\n" + _ResNet.__doc__
    blocks = (2, 2, 2, 2)
    bottleneck = False


class ResNet34(_ResNet):
    """ResNet-34: 21.28 million weights on colour images at width 64."""

    __doc__ += "\n" + _ResNet.__doc__
    blocks = (3, 4, 6, 3)
    bottleneck = False


class ResNet50(_ResNet):
    """ResNet-50 of bottleneck blocks: 23.51 million weights on colour images at width 64."""

    __doc__ += "\n" + _ResNet.__doc__
    blocks = (3, 4, 6, 3)
    bottleneck = True


def _convolution(x, filters, kernel_size, stride, name, gamma_initializer="ones"):
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=gamma_initializer, name=f"{name}_norm"
    )(x)


def _relu(x, name):
    return keras.layers.Activation("relu", name=name)(x)
