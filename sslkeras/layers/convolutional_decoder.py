"""From a code to an image of any size, by transposed convolutions."""

import math

import keras

from sslkeras.errors import ConfigurationError


def convolutional_decoder(code_dim, image_shape, filters, name="decoder"):
    """Builds a decoder: a dense layer to a small map, then `k` times the double size.

    The map has `ceil(side / 2^k)` rows and columns, so that the last layer covers the
    image; what sticks out at the bottom and on the right is cropped. All layers but the
    last are ReLUs, the last is linear: logits or values, as the loss takes them.

    Args:
        code_dim: Width of the code.
        image_shape: `(height, width, channels)`.
        filters: Maps that enter each of the `k` transposed convolutions of stride 2.
        name: Name of the model.

    Returns:
        Model from `(batch, code_dim)` to float32 `(batch, height, width, channels)`.

    Raises:
        ConfigurationError: If 2^k is greater than a side of the image.
    """
    height, width, channels = image_shape
    stride = 2 ** len(filters)
    if stride > min(height, width):
        raise ConfigurationError(
            "The strides of the decoder must not exceed the image: 2 to the power of the number "
            f"of its filters <= min(height, width). Received: {len(filters)} filters {filters} "
            f"for {height} x {width} pixels. Give fewer filters."
        )
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    code = keras.Input((code_dim,), name="code")
    maps = keras.layers.Dense(rows * columns * filters[0], activation="relu", name="unfold")(code)
    maps = keras.layers.Reshape((rows, columns, filters[0]), name="map")(maps)
    for number, after in enumerate(filters[1:], start=1):
        maps = keras.layers.Conv2DTranspose(
            after, 3, strides=2, padding="same", activation="relu", name=f"double{number}"
        )(maps)
    image = keras.layers.Conv2DTranspose(
        channels, 3, strides=2, padding="same", dtype="float32", name=f"double{len(filters)}"
    )(maps)
    excess = ((0, rows * stride - height), (0, columns * stride - width))
    if excess != ((0, 0), (0, 0)):
        image = keras.layers.Cropping2D(excess, dtype="float32", name="crop")(image)
    return keras.Model(code, image, name=name)
