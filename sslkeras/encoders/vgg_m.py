"""The seven convolutions of a network like VGG-M.

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (the network trained from scratch), after
K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman, "Return of the Devil in the Details", BMVC
2014.
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.hyperparameters import Integer

# Channels of the pairs of 3 x 3 convolutions, in widths; the last pair is not pooled.
_PAIRS = (2, 4, 8)


class VGGM(Encoder):
    """Seven convolutions and three poolings; gives a map of stride 16.

        7 x 7 conv of stride 2, pool, 2 convs, pool, 2 convs, pool, 2 convs

    with 64, 128, 256 and 512 channels at the default width. Each convolution is followed by
    batch normalisation and ReLU; poolings are 2 x 2 maxima. The trunk takes float32 images in
    [0, 1]; 224 x 224 pixels give 14 x 14 x 512.

    Args:
        width: Channels of the first convolution. Defaults to 64.
        stride: Stride of the first convolution. Defaults to 2, as in the paper; 1 suits small
            images.

    Raises:
        ConfigurationError: If an argument is out of range, or the trunk is built for anything
            but images.
    """

    hyperparameters = {"width": Integer(1), "stride": Integer(1)}

    def __init__(self, *, width=64, stride=2):
        super().__init__(width=width, stride=stride)

    def build(self, input_shape):
        check_image("VGGM", input_shape)
        inputs = keras.Input(input_shape)
        x = _convolution(inputs, self.width, 7, self.stride, "conv1")
        for number, widths in enumerate(_PAIRS, start=2):
            x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{number - 1}")(x)
            for part in "ab":
                x = _convolution(x, widths * self.width, 3, 1, f"conv{number}{part}")
        return keras.Model(inputs, x)


def _convolution(x, filters, kernel_size, stride, name):
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)
