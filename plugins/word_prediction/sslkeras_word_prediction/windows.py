"""Words with their neighbours, for many words at once, as blocks of a stream of words.

A word's neighbours lie beside it. So a block of 16 words and the few on both sides of it hold all
words and all neighbours, and scores of words with neighbours are products of matrices in which
a band counts. Each vector is fetched about once, not once for each pair.
"""

import typing

import keras
import tensorflow as tf

# Words in a block. Wider ones compute more scores that do not count, narrower ones fetch more.
_BLOCK = 16


class Blocks(typing.NamedTuple):
    """Words and their neighbours.

    Attributes:
        words: int32 `(blocks, size)`. The last block is filled up with word 0.
        around: int32 `(blocks, size + 2 * window)`: those words and the ones beside them.
        band: float32 `(blocks, size, size + 2 * window)`: 1 where a word has that neighbour.
        keys: uint64 `(blocks, size)`: a number of its own for each word of the batch.
    """

    words: tf.Tensor
    around: tf.Tensor
    band: tf.Tensor
    keys: tf.Tensor

    @property
    def count(self):
        """float32 `(blocks, size)`: how many neighbours each word has."""
        return tf.reduce_sum(self.band, axis=-1)


def blocks_of(inputs, window):
    """The words that were kept, one text behind the other, and their neighbours among those kept.

    Args:
        inputs: dict of int32 `(batch, length)`: "tokens"; "reach", up to how many words away a
            neighbour may be, at most `window`, and -1 where a word was left out; "document",
            which tells the documents of a text apart; and of "noise" `(batch,)`.
        window: Greatest reach.

    Returns:
        The `Blocks`.
    """
    tokens, reach = inputs["tokens"], inputs["reach"]
    size, length = tf.unstack(tf.shape(tokens))
    kept = reach >= 0
    text = tf.range(size)[:, tf.newaxis] * length + inputs["document"]
    key = tf.cast(tf.bitcast(inputs["noise"], tf.uint32), tf.uint64)[:, tf.newaxis]
    key = key * tf.constant(2**32, tf.uint64) + tf.cast(tf.range(length), tf.uint64)
    words, reach, text, key = (tf.boolean_mask(one, kept) for one in (tokens, reach, text, key))

    number = -(-tf.shape(words)[0] // _BLOCK)
    filling = number * _BLOCK - tf.shape(words)[0]
    beside = [[window, window + filling]]
    # The first word of each block in the stream, then those around it.
    place = tf.range(number)[:, tf.newaxis] * _BLOCK + tf.range(_BLOCK + 2 * window)
    around = tf.gather(tf.pad(words, beside), place)
    text = tf.gather(tf.pad(text, beside, constant_values=-1), place)
    reach = tf.reshape(tf.pad(reach, [[0, filling]]), [number, _BLOCK, 1])
    away = tf.abs(tf.range(_BLOCK)[:, tf.newaxis] + window - tf.range(_BLOCK + 2 * window))
    inside = slice(window, window + _BLOCK)
    is_neighbour = (away > 0) & (away <= reach)
    is_neighbour &= text[:, inside, tf.newaxis] == text[:, tf.newaxis]
    return Blocks(
        words=around[:, inside],
        around=around,
        band=tf.cast(is_neighbour, tf.float32),
        keys=tf.reshape(tf.pad(key, [[0, filling]]), [number, _BLOCK]),
    )


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class ShownWord(keras.layers.Layer):
    """The word of each text that is shown: of those with a neighbour the one nearest the middle.

    Takes `tokens`, `reach` and `document` as `blocks_of`, as a list. Gives its place, int32
    `(batch,)`, and 1 for each of its neighbours, float32 `(batch, length)`.

    Args:
        window: Greatest reach, which it keeps with the model.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.window = int(window)

    def call(self, inputs):
        tokens, reach, document = inputs
        length = tf.shape(tokens)[1]
        kept = reach >= 0
        order = tf.cumsum(tf.cast(kept, tf.int32), axis=1)
        off = tf.abs(2 * order - order[:, -1:] - 1)
        place = tf.argmin(tf.where(reach > 0, off, 2 * length + 1), axis=1, output_type=tf.int32)

        def at(values):
            return tf.gather(values, place, batch_dims=1)[:, tf.newaxis]

        away = tf.abs(order - at(order))
        beside = kept & (away > 0) & (away <= at(reach)) & (document == at(document))
        return place, tf.cast(beside, tf.float32)

    def get_config(self):
        return {**super().get_config(), "window": self.window}
