"""What a head does with a trunk's output: as a vector or as a map."""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError

POOLINGS = ("mean", "max", "flatten")


def as_vector(features, pooling="mean"):
    """Features `(batch, features)` from a map or a vector.

    Args:
        features: Keras tensor, `(batch, height, width, channels)` or `(batch, features)`, or
            either with a time axis after the batch (which is averaged).
        pooling: "mean", "max" or "flatten"; a vector passes through unchanged.

    Raises:
        ConfigurationError: If `features` has another rank.
    """
    if features.shape.rank in (3, 5):
        features = MeanOverTime()(features)
    rank = features.shape.rank
    if rank == 2:
        return features
    if rank != 4:
        raise ConfigurationError(
            "A head that takes a vector needs an encoder with an output (batch, features) or "
            f"(batch, height, width, channels). Received: {features.shape}. Choose another encoder."
        )
    if pooling == "mean":
        return keras.layers.GlobalAveragePooling2D()(features)
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D()(features)
    return keras.layers.Flatten()(features)


@keras.saving.register_keras_serializable(package="sslkeras")
class MeanOverTime(keras.layers.Layer):
    """`(batch, time, ...)` to `(batch, ...)`."""

    def call(self, inputs):
        return tf.reduce_mean(inputs, axis=1)


def as_map(features):
    """`features`, which must be a map `(batch, height, width, channels)`.

    Raises:
        ConfigurationError: If the encoder gives a vector.
    """
    if features.shape.rank != 4:
        raise ConfigurationError(
            "This task needs an encoder that keeps the spatial layout, with an output (batch, "
            f"height, width, channels). Received: {features.shape}. Choose a convolutional encoder."
        )
    return features


def pool(features: tf.Tensor, pooling="mean") -> tf.Tensor:
    """Reduces a batch of features to vectors, for probes.

    Args:
        features: `(batch, features)`, `(batch, height, width, channels)`, or either with a
            time axis after the batch (which is averaged).
        pooling: "mean", "max", "flatten" or "grid:k" (average to k x k, then flatten).

    Returns:
        float32 `(batch, features)`.
    """
    features = tf.cast(features, tf.float32)
    if features.shape.rank in (3, 5):
        features = tf.reduce_mean(features, axis=1)
    if features.shape.rank == 2:
        return features
    if pooling == "mean":
        return tf.reduce_mean(features, axis=(1, 2))
    if pooling == "max":
        return tf.reduce_max(features, axis=(1, 2))
    if pooling.startswith("grid:"):
        cells = int(pooling.partition(":")[2])
        features = tf.image.resize(features, (cells, cells), method="area")
    return tf.reshape(features, (tf.shape(features)[0], -1))
