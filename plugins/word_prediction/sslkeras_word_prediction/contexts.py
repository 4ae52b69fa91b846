"""The words before each place of a text."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class Contexts(keras.layers.Layer):
    """Each run of `words` neighbours, the last of them first.

    Takes float `(batch, length, width)` and gives `(batch, length - words + 1, words, width)`:
    at [b, p, k] the vector at position p + words - 1 - k.

    Args:
        words: Words of a context, >= 1.
    """

    def __init__(self, words, **kwargs):
        super().__init__(**kwargs)
        self.words = int(words)

    def call(self, vectors):
        places = tf.shape(vectors)[1] - self.words + 1
        shifted = [vectors[:, first : first + places] for first in reversed(range(self.words))]
        context = tf.stack(shifted, axis=2)
        static = None if vectors.shape[1] is None else vectors.shape[1] - self.words + 1
        return tf.ensure_shape(context, [None, static, self.words, vectors.shape[-1]])

    def get_config(self):
        return {**super().get_config(), "words": self.words}


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class FoldContexts(keras.layers.Layer):
    """`(batch, places, words, width)` as a batch of contexts, `(batch * places, words, width)`."""

    def call(self, context):
        return tf.reshape(context, [-1, *context.shape[2:]])


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class UnfoldContexts(keras.layers.Layer):
    """Vectors `(batch * places, features)` as `(batch, places, features)` of given contexts."""

    def call(self, inputs):
        features, context = inputs
        size, places = tf.unstack(tf.shape(context)[:2])
        unfolded = tf.reshape(features, [size, places, features.shape[-1]])
        return tf.ensure_shape(unfolded, [None, context.shape[1], features.shape[-1]])
