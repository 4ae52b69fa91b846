"""The table of word vectors as a trunk, and what tasks that train one say of it."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.tokens import MeanOfTokens
from sslkeras_word_prediction.token_model import TABLE, token_embedding
from sslkeras_word_prediction.withheld_tokens import piece_of


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class KnowsPadding(keras.layers.Layer):
    """Hands on token ids, and keeps the id of padding with the model.

    Args:
        pad: Id of padding; -1 where the vocabulary has none.
    """

    def __init__(self, pad, **kwargs):
        super().__init__(**kwargs)
        self.pad = int(pad)

    def call(self, tokens):
        return tokens

    def get_config(self):
        return {**super().get_config(), "pad": self.pad}


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class UniformInGraph(keras.initializers.RandomUniform):
    """The same numbers as Keras's, made in a graph, where arithmetic reuses its memory.

    Outside of one there are three tables for a moment, and TensorFlow gives nothing back.
    """

    def __call__(self, shape, dtype=None, **kwargs):
        made = tf.function(lambda: super(UniformInGraph, self).__call__(shape, dtype, **kwargs))
        return made()


def word_table(data, width, *, initializer="uniform", regularizer=None):
    """A trunk "encoder" from ids `(batch, length)` to vectors `(batch, length, width)`.

    Args:
        data: A `Dataset` with a vocabulary.
        width: Of the vectors.
        initializer, regularizer: Of the table.
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    table = keras.layers.Embedding(
        len(data.vocabulary),
        width,
        embeddings_initializer=initializer,
        embeddings_regularizer=regularizer,
        name=TABLE,
    )
    kept = KnowsPadding(_pad_of(data), name="pad")(tokens)
    return keras.Model(tokens, table(kept), name="encoder")


def count_words(data, what):
    """Size of the vocabulary of a dataset.

    Raises:
        ConfigurationError: If there are fewer than two words.
    """
    words = len(data.vocabulary or ())
    if words < 2:
        raise ConfigurationError(
            f"{what} needs a vocabulary of at least 2 words. Received: {words} from the dataset. "
            "Choose a dataset of texts."
        )
    return words


def text_and_word_encoders(model):
    """ "encoder", the mean of a text's word vectors, and "embedding", the vector of each word."""
    trunk = model.get_layer("encoder")
    pad = trunk.get_layer("pad").pad
    mean = MeanOfTokens(pad, name="mean_of_words")([trunk.output, trunk.input])
    return {"encoder": keras.Model(trunk.input, mean, name="encoder"), "embedding": trunk}


def words_and_vectors(model, vocabulary):
    """Words, in the order of their ids, and their vectors `(words, width)`."""
    table = np.asarray(token_embedding(model.get_layer("encoder")).embeddings)
    return [piece_of(number, vocabulary) for number in range(len(table))], table


def _pad_of(data):
    for number in range(len(data.vocabulary)):
        if piece_of(number, data.vocabulary) in ("<pad>", "[PAD]"):
            return number
    return -1
