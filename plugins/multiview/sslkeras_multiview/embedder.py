"""The network that embeds a frame: a trunk, spatial softmax, dense layers."""

import keras

from sslkeras.layers import ReproducibleDropout, SpatialSoftmax


def build_embedder(
    trunk,
    shape,
    *,
    conv_filters,
    temperature,
    dense_units,
    embedding_dim,
    normalization,
    dropout,
    l2_normalize,
    train_trunk,
):
    """Frames to embeddings, as one model called "encoder".

        trunk, (3 x 3 convolution)*, spatial softmax, (dense)*, dense

    A trunk that gives vectors is followed by the dense layers at once. Pixels go from [0, 1]
    to [-1, 1] first.

    Args:
        trunk: Model of one frame, called "trunk" or so.
        shape: Of a frame.
        conv_filters: Channels of each convolution.
        temperature: Of the spatial softmax, at the beginning.
        dense_units: Width of each hidden dense layer.
        embedding_dim: Width of the output.
        normalization: "batch", "group" (of eight groups, after convolutions alone) or "none".
        dropout: Share that is dropped after the trunk and after hidden dense layers.
        l2_normalize: Whether embeddings have length 1.
        train_trunk: Whether the trunk learns; if not, it acts as in inference.
    """
    image = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(2.0, -1.0)(image)
    x = trunk(x) if train_trunk else trunk(x, training=False)
    if x.shape.rank == 4:
        if dropout and conv_filters:
            x = ReproducibleDropout(dropout)(x)
        for filters in conv_filters:
            x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=normalization == "none")(x)
            if normalization == "batch":
                x = keras.layers.BatchNormalization()(x)
            elif normalization == "group":
                x = keras.layers.GroupNormalization(8)(x)
            x = keras.layers.ReLU()(x)
        x = SpatialSoftmax(temperature, name="places")(x)
    for units in dense_units:
        x = keras.layers.Dense(units, use_bias=normalization != "batch")(x)
        if normalization == "batch":
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
        if dropout:
            x = ReproducibleDropout(dropout)(x)
    # float32, whatever precision the trunk computes in.
    x = keras.layers.Dense(embedding_dim, dtype="float32")(x)
    if l2_normalize:
        x = keras.layers.UnitNormalization(dtype="float32")(x)
    return keras.Model(image, x, name="encoder")
