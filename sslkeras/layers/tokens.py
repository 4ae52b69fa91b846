"""What trunks do to token ids before and after their blocks."""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError


class _TokenLayer(keras.layers.Layer):
    """A layer whose attributes named in `arguments` are its configuration."""

    arguments: tuple = ()

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self.arguments}}


@keras.saving.register_keras_serializable(package="sslkeras")
class AddSpecialTokens(_TokenLayer):
    """`[start] tokens [end] padding` of `tokens padding`: two ids more.

    Args:
        start: Id put before the tokens, [CLS].
        end: Id put behind the last token, [SEP].
        pad: Id of padding, which stands behind all tokens.
    """

    arguments = ("start", "end", "pad")

    def __init__(self, start, end, pad, **kwargs):
        super().__init__(**kwargs)
        self.start, self.end, self.pad = int(start), int(end), int(pad)

    def call(self, tokens):
        real = tf.reduce_sum(
            tf.cast(tf.not_equal(tokens, self.pad), tokens.dtype), axis=1, keepdims=True
        )
        place = tf.range(tf.shape(tokens)[1] + 1, dtype=tokens.dtype)
        body = tf.pad(tokens, [[0, 0], [0, 1]], constant_values=self.pad)
        body = tf.where(tf.equal(place, real), tf.cast(self.end, tokens.dtype), body)
        return tf.pad(body, [[0, 0], [1, 0]], constant_values=self.start)


@keras.saving.register_keras_serializable(package="sslkeras")
class IsReal(_TokenLayer):
    """bool: which ids are no padding.

    Args:
        pad: Id of padding.
    """

    arguments = ("pad",)

    def __init__(self, pad, **kwargs):
        super().__init__(**kwargs)
        self.pad = int(pad)

    def call(self, tokens):
        return tf.not_equal(tokens, self.pad)


@keras.saving.register_keras_serializable(package="sslkeras")
class SegmentIds(_TokenLayer):
    """0 up to the first [SEP] and with it, 1 up to the second, and so on.

    Args:
        separator: Id of [SEP].
        types: Number of segment types; further segments are of the last one.
    """

    arguments = ("separator", "types")

    def __init__(self, separator, types, **kwargs):
        super().__init__(**kwargs)
        self.separator, self.types = int(separator), int(types)

    def call(self, tokens):
        ended = tf.cumsum(
            tf.cast(tf.equal(tokens, self.separator), tf.int32), axis=1, exclusive=True
        )
        return tf.minimum(ended, self.types - 1)


@keras.saving.register_keras_serializable(package="sslkeras")
class PositionEmbedding(_TokenLayer):
    """Adds a learned vector for each position.

    Args:
        max_positions: Greatest length.
        initializer: Of the table `(max_positions, width)`.

    Raises:
        ConfigurationError: If the inputs are longer.
    """

    def __init__(self, max_positions, initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        self.max_positions = int(max_positions)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        length = input_shape[1]
        if length is not None and length > self.max_positions:
            raise ConfigurationError(
                f"Sequences must have at most `max_positions` = {self.max_positions} tokens, "
                f"special tokens included. Received: {length}. Choose shorter windows of text or "
                "more positions."
            )
        self.embeddings = self.add_weight(
            "embeddings",
            shape=(self.max_positions, input_shape[-1]),
            initializer=self.initializer,
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs + tf.cast(self.embeddings[: tf.shape(inputs)[1]], inputs.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "max_positions": self.max_positions,
            "initializer": keras.initializers.serialize(self.initializer),
        }


@keras.saving.register_keras_serializable(package="sslkeras")
class MeanOfTokens(_TokenLayer):
    """Mean over the real tokens: one vector a text.

    Takes `[sequence, tokens]`: float `(batch, length, width)` and the ids `(batch, tokens)` that
    the trunk was given. Where it put special tokens around them, those do not count. Gives
    float32 `(batch, width)`; 0 for a text without tokens.

    Args:
        pad: Id of padding.
    """

    arguments = ("pad",)

    def __init__(self, pad, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs}, autocast=False)
        self.pad = int(pad)

    def call(self, inputs):
        sequence, tokens = inputs
        count = tf.shape(tokens)[1]
        start = (tf.shape(sequence)[1] - count) // 2
        sequence = tf.cast(sequence[:, start : start + count], tf.float32)
        real = tf.cast(tf.not_equal(tokens, self.pad), tf.float32)
        return tf.math.divide_no_nan(
            tf.einsum("blw,bl->bw", sequence, real), tf.reduce_sum(real, axis=1, keepdims=True)
        )


@keras.saving.register_keras_serializable(package="sslkeras")
class FirstToken(_TokenLayer):
    """The vector of the first position, that of [CLS] where the trunk puts it there."""

    def call(self, sequence):
        return sequence[:, 0]
