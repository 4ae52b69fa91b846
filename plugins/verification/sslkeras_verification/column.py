"""The columns of a siamese network: one trunk for all views, and fully connected layers."""

import keras

from sslkeras.layers import ReproducibleDropout, apply_to_views


def frame_columns(trunk, frames, units, *, batch_norm, dropout, affine=True):
    """Features of each frame, or patch, by the same column.

    Args:
        trunk: Of single frames. A map is flattened, as order is told from places, and
            followed by fully connected layers; a vector is taken as it is.
        frames: Keras tensor `(batch, frames, height, width, channels)`.
        units: Widths of the fully connected layers, the first called "fc6".
        batch_norm, dropout, affine: See `dense_block`.

    Returns:
        Keras tensor `(batch, frames, features)`.
    """
    features = apply_to_views(trunk, frames)
    if features.shape.rank == 3:
        return features
    values = keras.layers.Reshape((features.shape[1], -1), name="flatten")(features)
    for number, width in enumerate(units, start=6):
        values = dense_block(
            values,
            width,
            batch_norm=batch_norm,
            dropout=dropout,
            affine=affine,
            name=f"fc{number}",
        )
    return values


def dense_block(values, units, *, batch_norm, dropout, name, affine=True):
    """Dense, batch normalisation, ReLU and dropout on the last axis.

    All other axes, such as frames or pairs, count as examples for the normalisation, which
    takes its statistics over all replicas: a tuple is a large example and batches are small.

    Args:
        values: Keras tensor `(batch, ..., features)`.
        units: Width.
        batch_norm: Whether to normalise; the layer has a bias if not.
        dropout: Share of the units that is dropped in training, in [0, 1).
        name: Of the dense layer; the others' names begin with it.
        affine: Whether the normalisation learns a scale and a shift.

    Returns:
        Keras tensor `(batch, ..., units)`.
    """
    values = keras.layers.Dense(units, use_bias=not batch_norm, name=name)(values)
    if batch_norm:
        values = keras.layers.BatchNormalization(
            momentum=0.9,
            epsilon=1e-5,
            center=affine,
            scale=affine,
            synchronized=True,
            name=f"{name}_norm",
        )(values)
    values = keras.layers.ReLU(name=f"{name}_relu")(values)
    if dropout:
        values = ReproducibleDropout(dropout, name=f"{name}_dropout")(values)
    return values
