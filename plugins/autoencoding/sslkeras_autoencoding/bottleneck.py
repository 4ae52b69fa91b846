"""Any trunk, a code and a decoder: the convolutional form of two tasks."""

import keras

from sslkeras.encoders.encoder import named_model
from sslkeras.layers.convolutional_decoder import convolutional_decoder


def bottleneck_model(image_shape, trunk, *, code_dim, code_activation, decoder_filters, name):
    """Builds image -> [trunk -> code] -> decoder.

    The code is made from the flattened map, as pooling would lose where things are.

    Args:
        image_shape: `(height, width, channels)`.
        trunk: Model from images to `(batch, h, w, c)` or `(batch, features)`.
        code_dim: Width of the code.
        code_activation: Name of its activation.
        decoder_filters: See `convolutional_decoder`.
        name: Name of the model.

    Returns:
        Model to the decoder's linear output, with the nested models "encoder" (which
        holds the nested "trunk") and "decoder".
    """
    image = keras.Input(image_shape, name="image")
    features = named_model(trunk, "trunk")(image)
    features = keras.layers.Flatten(name="flatten")(features)
    code = keras.layers.Dense(code_dim, activation=code_activation, name="code")(features)
    encoder = keras.Model(image, code, name="encoder")
    decoder = convolutional_decoder(code_dim, image_shape, decoder_filters)
    image = keras.Input(image_shape, name="image")
    return keras.Model(image, decoder(encoder(image)), name=name)


def bottleneck_encoders(model):
    """The trained trunks of a model that holds "encoder", which holds "trunk"."""
    encoder = model.get_layer("encoder")
    return {"encoder": encoder, "trunk": encoder.get_layer("trunk")}
