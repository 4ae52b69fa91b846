"""The trunk of Look, Listen and Learn.

R. Arandjelovic, A. Zisserman, "Look, Listen and Learn", ICCV 2017,
https://arxiv.org/abs/1705.08168, and "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651 (stride 2 in the first convolution).
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.hyperparameters import Choice, Integer, ListOf


class L3Net(Encoder):
    """Pairs of 3 x 3 convolutions with pooling between them, for images and spectrograms.

        conv1_1 conv1_2 pool1  conv2_1 conv2_2 pool2  conv3_1 conv3_2 pool3  conv4_1 conv4_2

    Each convolution has a bias and is followed by batch normalisation and ReLU; poolings take
    the maximum of 2 x 2. The trunk takes float32 images of any size and returns the map of the
    last convolution, `(batch, height / (stride * 8), width / (stride * 8), filters[-1])`; pool4
    of the papers is global and left to the head. An image of 224 x 224 gives 14 x 14 x 512, a
    spectrogram of 257 x 200 gives 16 x 12 x 512.

    Args:
        filters: Channels of the pairs, one or more values. Defaults to (64, 128, 256, 512).
        stride: Of the first convolution: 2 as in "Objects that Sound" (the default), or 1 as in
            "Look, Listen and Learn", for maps twice as large and four times the work.

    Raises:
        ConfigurationError: If an argument is out of range; when the trunk is built, if the
            images are too small for the poolings.
    """

    hyperparameters = {"filters": ListOf(Integer(1), min_length=1), "stride": Choice(1, 2)}

    def __init__(self, *, filters=(64, 128, 256, 512), stride=2):
        super().__init__(filters=filters, stride=stride)

    def build(self, input_shape):
        least = 2 ** (len(self.filters) - 1)
        check_image("L3Net", input_shape, least if self.stride == 1 else 2 * least - 1)
        image = keras.Input(input_shape)
        x = image
        for pair, filters in enumerate(self.filters, start=1):
            if pair > 1:
                x = keras.layers.MaxPooling2D(2, name=f"pool{pair - 1}")(x)
            for number in (1, 2):
                first = pair == number == 1
                x = _convolution(x, filters, self.stride if first else 1, f"conv{pair}_{number}")
        return keras.Model(image, x)


def _convolution(x, filters, stride, name):
    x = keras.layers.Conv2D(
        filters, 3, stride, padding="same", kernel_initializer="he_normal", name=name
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
