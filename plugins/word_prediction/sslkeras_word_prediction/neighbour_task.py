"""What `skipgram` and `missing_word` have in common: text whose words have neighbours.

T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations in
Vector Space", 2013, https://arxiv.org/abs/1301.3781.
"""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import Task
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras_word_prediction.subsampling import RULES, keep_probability
from sslkeras_word_prediction.windows import ShownWord
from sslkeras_word_prediction.withheld_tokens import piece_of
from sslkeras_word_prediction.word_outputs import (
    FullSoftmax,
    HierarchicalSoftmax,
    NegativeSampling,
)
from sslkeras_word_prediction.word_table import (
    UniformInGraph,
    count_words,
    text_and_word_encoders,
    word_table,
    words_and_vectors,
)


class NeighbourTask(Task):
    """A task on the words of a text and their neighbours; see its two subclasses."""

    # Each word is the neighbour of others: nothing is left out of the text, and a prediction
    # is made from one side of a pair alone.
    targets_in_inputs = "all"
    hyperparameters = {
        "embedding_dim": Integer(1),
        "window": Integer(1, unit="words"),
        "dynamic_window": Boolean(),
        "output": Choice("negative", "softmax", "hierarchical"),
        "num_negatives": Integer(1),
        "shared_negatives": Optional(Integer(1), "draws of each prediction's own"),
        "noise_exponent": Real(),
        "subsample": Real(0, 1),
        "subsample_rule": Choice(*RULES),
    }

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.reads = {"tokens": (2,), "num_tokens": ()}
        if self.subsample:
            self.reads["frequency"] = (2,)
        self.optional_reads = ("document",)
        self.random_pretext = True
        self._vocabulary = None

    def pretext(self, batch, seed):
        """Leaves out occurrences of frequent words, and draws how far each word's neighbours are.

        Returns:
            A dict of int32 `(batch, length)`: "tokens", the words of the text; "reach", up to how
            many of the words that are left away a neighbour may be, 0 for none and -1 for what
            is left out; "document", which tells documents of one text apart; and "noise"
            `(batch,)`, from which noise is drawn. Then int32 `(batch, length)`, the words that
            are predicted: those of the text.
        """
        tokens = batch["tokens"]
        shape = tf.shape(tokens)
        keep, far, noise = tf.unstack(tf.random.split(seed, 3))
        kept = tf.range(shape[1]) < tf.cast(batch["num_tokens"], tf.int32)[:, tf.newaxis]
        if self.subsample:
            likely = keep_probability(batch["frequency"], self.subsample, self.subsample_rule)
            kept &= tf.random.stateless_uniform(shape, keep) < likely
        reach = tf.fill(shape, self.window)
        if self.dynamic_window:
            reach = tf.random.stateless_uniform(shape, far, 1, self.window + 1, tf.int32)
        inputs = {
            "tokens": tokens,
            "reach": tf.where(kept, reach, -1),
            "document": tf.cast(batch.get("document", tf.zeros_like(tokens)), tf.int32),
            "noise": tf.random.stateless_uniform(shape[:1], noise, None, None, tf.int32),
        }
        return inputs, tokens

    def loss(self):
        """None: the model has its own, a mean over what is predicted in the global batch."""
        return None

    def encoders(self, model):
        """ "encoder", the mean of a text's word vectors; "embedding", the vector of each word."""
        return text_and_word_encoders(model)

    def encoder_reads(self):
        return {"encoder": "tokens", "embedding": "tokens"}

    def word_vectors(self, model):
        """Words, in the order of their ids, and their vectors `(words, embedding_dim)`."""
        return words_and_vectors(model, self._vocabulary)

    def output_word_vectors(self, model):
        """float32 `(words, embedding_dim)`: the vectors by which words are told.

        Raises:
            ConfigurationError: With output="hierarchical", where only inner nodes have any.
        """
        if self.output == "hierarchical":
            raise ConfigurationError(
                f"Output vectors of {type(self).__name__} need output='negative' or 'softmax'. "
                "Received: output='hierarchical', which has none of words. Ask for vectors='input'."
            )
        return np.asarray(model.get_layer("output").table)

    def draw(self, inputs, targets, predictions):
        """A word of each text, its neighbours, and the likeliest answers."""
        tokens = np.asarray(targets)
        places = np.asarray(predictions["place"])
        beside = np.asarray(predictions["beside"]) > 0
        rows = range(len(tokens))
        return {
            "word": [self._text(tokens[row, places[row] : places[row] + 1]) for row in rows],
            "neighbours": [self._text(tokens[row][beside[row]]) for row in rows],
            "answers": [self._text(answers) for answers in np.asarray(predictions["answers"])],
        }

    def _text(self, tokens):
        return " ".join(piece_of(token, self._vocabulary) for token in tokens)

    def _parts(self, data):
        """The inputs of the model, its table of words, its output layer and the shown word."""
        self._vocabulary = data.vocabulary
        words = count_words(data, type(self).__name__)
        if data.token_counts is None:
            raise ConfigurationError(
                f"{type(self).__name__} needs to know how often each word occurs. Received: a "
                "dataset without `token_counts`. Choose a dataset of texts."
            )
        counts = np.asarray(data.token_counts)
        if len(counts) != words:
            raise DataError(
                "There must be a count for each word of the vocabulary. Received: "
                f"{len(counts)} counts, {words} words."
            )
        start = UniformInGraph(-0.5 / self.embedding_dim, 0.5 / self.embedding_dim)
        table = word_table(data, self.embedding_dim, initializer=start)
        output = self._output(counts)
        output.build((None, self.embedding_dim))
        output.set_counts(counts)
        # Of any length: texts may be longer in evaluation than in training.
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("tokens", "reach", "document")
        }
        shown = ShownWord(self.window, name="shown")(list(inputs.values()))
        inputs["noise"] = keras.Input((), dtype="int32", name="noise")
        return inputs, table, output, shown

    def _output(self, counts):
        if self.output == "negative":
            return NegativeSampling(
                len(counts),
                self.num_negatives,
                self.shared_negatives,
                self.noise_exponent,
                name="output",
            )
        if self.output == "hierarchical":
            return HierarchicalSoftmax.for_counts(counts, name="output")
        return FullSoftmax(len(counts), getattr(self, "use_bias", False), name="output")
