"""A language model small enough for tests: the next token given the token before."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task

WORDS = ("<pad>", "<unk>", "a", "b", "c", "d", "e", "f")


class NextToken(Task):
    """Bigram model; token 0 is padding."""

    reads = {"tokens": (2,)}

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        tokens = batch["tokens"]
        return tokens[:, :-1], tokens[:, 1:], tf.cast(tokens[:, 1:] > 0, tf.float32)

    def build_model(self, inputs, encoder, data):
        raise NotImplementedError

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy()

    def token_log_likelihoods(self, model, batch, seed):
        context, token, scored = self.pretext(batch, seed)
        logits = tf.nn.log_softmax(model(context))
        true = tf.gather(logits, token, batch_dims=2)
        return {
            "log_likelihood": true,
            "token": token,
            "scored": scored,
            "rank": tf.reduce_sum(tf.cast(logits > true[..., tf.newaxis], tf.int32), axis=-1),
        }


def bigram_model(logits):
    context = keras.Input((None,), dtype="int32")
    table = keras.layers.Embedding(*logits.shape, embeddings_initializer="zeros")
    model = keras.Model(context, table(context))
    table.set_weights([logits])
    return model


def subject_of(train, test, logits, vocabulary=WORDS, task=None):
    data = Given(*(ArraySplit({"tokens": np.asarray(t, np.int32)}) for t in (train, test)))
    data.vocabulary = vocabulary
    return Subject(
        "pretrained",
        data,
        "tokens",
        None,
        batch_size=3,
        task=task or NextToken(),
        model=bigram_model(np.asarray(logits, np.float32)),
    )
