"""VGG-16.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, https://arxiv.org/abs/1409.1556 (configuration D).
"""

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf

_DEPTHS = (2, 2, 3, 3, 3)  # Convolutions in each block.


class VGG16(Encoder):
    """The thirteen convolutions of VGG-16, for images of any number of channels; gives a map.

        conv1_1 conv1_2 pool1  conv2_1 conv2_2 pool2  conv3_1 conv3_2 conv3_3 pool3  ...  [pool5]

    All are 3 x 3 with zero padding, the poolings take the maximum of 2 x 2. At 224 x 224
    pixels the map has 7 x 7 x 512, and 14 x 14 x 512 without the last pooling. The trunk takes
    float32 images and does not rescale them; `applications("VGG16")` has ImageNet weights.

    Args:
        filters: Channels of the five blocks. Defaults to (64, 128, 256, 512, 512).
        batch_norm: "none", as in the paper; "before": batch normalisation before each ReLU;
            "after": behind it, as in the released T-CAM. Defaults to "none".
        pool5: Whether the last block is pooled. Defaults to True.

    Raises:
        ConfigurationError: If an argument is out of range; when the trunk is built, if the
            images are too small.
    """

    hyperparameters = {
        "filters": ListOf(Integer(1), length=5),
        "batch_norm": Choice("none", "before", "after"),
        "pool5": Boolean(),
    }

    def __init__(self, *, filters=(64, 128, 256, 512, 512), batch_norm="none", pool5=True):
        super().__init__(filters=filters, batch_norm=batch_norm, pool5=pool5)

    def build(self, input_shape):
        check_image("VGG16", input_shape, 32 if self.pool5 else 16)
        image = keras.Input(input_shape)
        x = image
        for block, (filters, depth) in enumerate(zip(self.filters, _DEPTHS, strict=True), start=1):
            for number in range(1, depth + 1):
                x = self._convolution(x, filters, f"conv{block}_{number}")
            if block < len(_DEPTHS) or self.pool5:
                x = keras.layers.MaxPooling2D(2, name=f"pool{block}")(x)
        return keras.Model(image, x)

    def _convolution(self, x, filters, name):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            # A mean that is subtracted at once takes a bias away.
            use_bias=self.batch_norm != "before",
            kernel_initializer="he_normal",
            name=name,
        )(x)
        steps = [keras.layers.ReLU(name=f"{name}_relu")]
        if self.batch_norm != "none":
            norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")
            steps.insert(0 if self.batch_norm == "before" else 1, norm)
        for step in steps:
            x = step(x)
        return x
