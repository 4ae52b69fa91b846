"""Residual networks of clips.

D. Tran, H. Wang, L. Torresani, J. Ray, Y. LeCun, M. Paluri, "A Closer Look at Spatiotemporal
Convolutions for Action Recognition", CVPR 2018, https://arxiv.org/abs/1711.11248 (table 1).
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_clip
from sslkeras.hyperparameters import Boolean, Integer, Optional
from sslkeras.layers.convolution3d import convolution_3d

_BLOCKS = (2, 2, 2, 2)
_LEAST_SIDE = 8
# Channels between the two parts of the stem of R(2+1)D, a share of the width, as released.
_STEM_SHARE = 45 / 64


class _ResNet3D(Encoder):
    """An 18-layer residual network of four stages of two blocks; gives maps over time.

    The trunk takes float32 clips in [0, 1] of any length and returns `(batch, time / 8,
    height / 16, width / 16, channels)`, sizes rounded up; with `keep_time` the time is that of
    the clip, and there are features for each frame. Average pooling and the classifier are
    left out. Zero padding over time lets it see how near the ends of the clip are.

    Args:
        width: Channels of the first stage, doubled in each further one. Defaults to 64.
        small_frame_stem: Whether the stem, 3 x 7 x 7 of stride 2 in space, is replaced by 3 x
            3 x 3 of stride 1. None: for frames with a side below 64 pixels.
        keep_time: Whether all strides in time are 1 instead of 2 at the last three stages.
            Defaults to False, as in the paper.

    Raises:
        ConfigurationError: If an argument is out of range, or the trunk is built for
            anything but clips of frames of at least 8 x 8 pixels.
    """

    hyperparameters = {
        "width": Integer(1),
        "small_frame_stem": Optional(Boolean(), "for frames with a side below 64 pixels"),
        "keep_time": Boolean(),
    }
    factorised: bool  # Whether each convolution is one in space and one in time.

    def __init__(self, *, width=64, small_frame_stem=None, keep_time=False):
        super().__init__(width=width, small_frame_stem=small_frame_stem, keep_time=keep_time)

    def build(self, input_shape):
        check_clip(type(self).__name__, input_shape, _LEAST_SIDE)
        inputs = keras.Input(input_shape)
        small = self.small_frame_stem
        if small is None:
            sides = [side for side in input_shape[1:3] if side is not None]
            small = bool(sides) and min(sides) < 64
        side, stride = (3, 1) if small else (7, 2)
        between = max(1, round(_STEM_SHARE * self.width))
        x = self._convolution(inputs, self.width, side, (1, stride), "stem", between)
        x = _relu(x, "stem_relu")
        for stage, blocks in enumerate(_BLOCKS):
            for block in range(blocks):
                halved = stage > 0 and block == 0
                strides = (1 if self.keep_time else 2, 2) if halved else (1, 1)
                name = f"stage{stage + 1}_{block + 1}"
                x = self._block(x, self.width * 2**stage, strides, name)
        return keras.Model(inputs, x)

    def _block(self, x, filters, strides, name):
        """relu(x + F(x)), where F is two convolutions of 3 x 3 x 3."""
        shortcut = x
        if strides != (1, 1) or x.shape[-1] != filters:
            shortcut = _normalised(x, filters, (1, 1, 1), strides, f"{name}_shortcut")
        x = _relu(self._convolution(x, filters, 3, strides, f"{name}_1"), f"{name}_1_relu")
        x = self._convolution(x, filters, 3, (1, 1), f"{name}_2")
        return _relu(keras.layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_relu")

    def _convolution(self, x, filters, side, strides, name, between=None):
        """A convolution of 3 x side x side with its normalisation, or the two that replace it."""
        if not self.factorised:
            return _normalised(x, filters, (3, side, side), strides, name)
        if between is None:
            between = factorised_channels(x.shape[-1], filters, side)
        x = _normalised(x, between, (1, side, side), (1, strides[1]), f"{name}_space")
        x = _relu(x, f"{name}_space_relu")
        return _normalised(x, filters, (3, 1, 1), (strides[0], 1), f"{name}_time")


class R3D18(_ResNet3D):
    """R3D-18, of 3-D convolutions: 33.17 million weights on colour clips at width 64."""

    __doc__ += "\n" + _ResNet3D.__doc__
    factorised = False


class R2Plus1D18(_ResNet3D):
    """R(2+1)D-18: each 3-D convolution is one in space, ReLU, and one in time.

    33.17 million weights, as many as R3D-18 (see `factorised_channels`), and twice the
    nonlinearities.
    """

    __doc__ += "\n" + _ResNet3D.__doc__
    factorised = True


def factorised_channels(inputs, outputs, side) -> int:
    """Channels between the two convolutions that replace one of 3 x side x side (section 3.5).

    So many that both have about as many weights as the one, 3 side^2 N M:

        floor(3 side^2 N M / (side^2 N + 3 M))

    Args:
        inputs: Its input channels N.
        outputs: Its output channels M.
        side: Of its kernel, in pixels.
    """
    return max(1, 3 * side**2 * inputs * outputs // (side**2 * inputs + 3 * outputs))


def _normalised(x, filters, kernel_size, strides, name):
    """A convolution without bias and batch normalisation; `strides` are of time and of space."""
    time, space = strides
    x = convolution_3d(
        filters,
        kernel_size,
        (time, space, space),
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _relu(x, name):
    return keras.layers.Activation("relu", name=name)(x)
