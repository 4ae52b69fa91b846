"""Output layers that tell a word from a vector: sampled noise, a full softmax, or a tree.

T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations in
Vector Space", 2013, https://arxiv.org/abs/1301.3781 (hierarchical softmax); T. Mikolov,
I. Sutskever, K. Chen, G. Corrado, J. Dean, NIPS 2013 (negative sampling); S. Ji, N. Satish,
S. Li, P. Dubey, "Parallelizing Word2Vec in Shared and Distributed Memory",
https://arxiv.org/abs/1604.04661 (negatives that examples share).
"""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.losses.reduction import gather
from sslkeras_word_prediction.huffman import huffman_paths
from sslkeras_word_prediction.noise import (
    cumulative,
    noise_distribution,
    own_uniform,
    shared_uniform,
    words_at,
)
from sslkeras_word_prediction.softplus import softplus_sums, weighted_softplus

_ANSWERS = 5


class WordOutput(keras.layers.Layer):
    """Scores of words given a vector. Called, it gives the likeliest words.

    Takes float `(batch, width)` and gives int32 `(batch, 5)`, or fewer where there are not so
    many words. In float32, whatever the policy. All tables begin with zeros.

    Args:
        words: Size of the vocabulary.
    """

    def __init__(self, words, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.words = int(words)

    def set_counts(self, counts):
        """Takes over what depends on how often each word occurs, int `(words,)`."""

    def pair_losses(self, vectors, words, keys, noise):
        """-log of how likely each word is, given its vector, or what stands for that.

        Args:
            vectors: float32 `(pairs, width)`.
            words: int32 `(pairs,)`.
            keys: uint64 `(pairs,)`, for draws of each pair's own.
            noise: int32 `(batch,)`, for draws of the batch.

        Returns:
            float32 `(pairs,)`.
        """
        raise TypeError("Each kind of output has its own.")

    def scores(self, vectors):
        """float32 `(vectors, words)`: the order of words, the likeliest with the greatest."""
        return tf.matmul(vectors, self.table, transpose_b=True)

    def call(self, vectors):
        values = self.scores(tf.cast(vectors, tf.float32))
        return tf.math.top_k(values, min(_ANSWERS, self.words)).indices

    def get_config(self):
        return {**super().get_config(), "words": self.words}

    def _add_table(self, rows, width):
        self.table = self.add_weight(
            "table", shape=(rows, width), initializer="zeros", experimental_autocast=False
        )

    def _add_constant(self, name, shape, dtype):
        return self.add_weight(
            name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class NegativeSampling(WordOutput):
    """Tells true words from noise.

        softplus(-v . u_word) + sum_j softplus(v . u_(noise j))

    with `negatives` words of noise, of which those equal to the true word do not count. With
    `shared`, K words are drawn once for the whole batch, and each counts negatives / K: the
    expected loss is the same, and scores are one product of matrices.

    Args:
        words: Size of the vocabulary.
        negatives: Draws of noise for each pair, k.
        shared: K, or None for draws of each pair's own.
        exponent: Of the counts in the noise.
    """

    def __init__(self, words, negatives, shared, exponent, **kwargs):
        super().__init__(words, **kwargs)
        self.negatives, self.shared = int(negatives), shared
        self.exponent = float(exponent)

    def build(self, input_shape):
        self._add_table(self.words, input_shape[-1])
        self.upto = self._add_constant("noise", (self.words,), tf.float64)
        super().build(input_shape)

    def set_counts(self, counts):
        self.upto.assign(cumulative(noise_distribution(counts, self.exponent)))

    def shared_noise(self, noise):
        """int32 `(K,)`: the draws of this batch, the same on all replicas."""
        return words_at(shared_uniform(gather(noise[:1])[0], self.shared), self.upto)

    def pair_losses(self, vectors, words, keys, noise):
        if self.shared is None:
            drawn = words_at(own_uniform(keys, self.negatives), self.upto)
            return self.losses_beside(vectors, words, drawn)
        return self.losses_beside(vectors, words, self.shared_noise(noise))

    def losses_beside(self, vectors, words, drawn):
        """The losses for noise that was drawn, int32 `(pairs, negatives)` or shared `(K,)`."""
        true = tf.reduce_sum(vectors * tf.gather(self.table, words), axis=-1)
        beside = tf.gather(self.table, drawn)
        counts = words[:, tf.newaxis] != drawn
        if drawn.shape.rank == 2:
            false, share = tf.einsum("pd,pkd->pk", vectors, beside), 1.0
        else:
            false = tf.matmul(vectors, beside, transpose_b=True)
            share = self.negatives / self.shared
        return tf.nn.softplus(-true) + share * softplus_sums(false, counts)

    def block_loss(self, vectors, blocks, drawn):
        """Sum over all pairs of a word and a neighbour, for shared noise `drawn`, int32 `(K,)`.

        The same as `losses_beside` of each pair; a word meets the noise once for all of its
        neighbours.

        Args:
            vectors: float32 `(blocks, size, width)`, of `blocks.words`.
            blocks: `Blocks`, of whose words the neighbours are predicted.
        """
        scores = tf.matmul(vectors, tf.gather(self.table, blocks.around), transpose_b=True)
        true = tf.reduce_sum(softplus_sums(-scores, blocks.band > 0))
        # For how many neighbours of a word a draw counts: those that are not the draw.
        equal = tf.cast(blocks.around[:, :, tf.newaxis] == drawn, tf.float32)
        counts = blocks.count[:, :, tf.newaxis] - tf.matmul(blocks.band, equal)
        flat = tf.reshape(vectors, [-1, vectors.shape[-1]])
        scores = tf.matmul(flat, tf.gather(self.table, drawn), transpose_b=True)
        false = weighted_softplus(scores, tf.reshape(counts, tf.shape(scores)))
        return true + self.negatives / self.shared * false

    def get_config(self):
        return {
            **super().get_config(),
            "negatives": self.negatives,
            "shared": self.shared,
            "exponent": self.exponent,
        }


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class FullSoftmax(WordOutput):
    """-log softmax over all words: exact, and for small vocabularies.

    Args:
        words: Size of the vocabulary.
        use_bias: Whether each word has a bias.
    """

    def __init__(self, words, use_bias=False, **kwargs):
        super().__init__(words, **kwargs)
        self.use_bias = bool(use_bias)

    def build(self, input_shape):
        self._add_table(self.words, input_shape[-1])
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", shape=(self.words,), initializer="zeros")
        super().build(input_shape)

    def scores(self, vectors):
        scores = super().scores(vectors)
        return scores if self.bias is None else scores + self.bias

    def pair_losses(self, vectors, words, keys, noise):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(words, self.scores(vectors))

    def get_config(self):
        return {**super().get_config(), "use_bias": self.use_bias}


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class HierarchicalSoftmax(WordOutput):
    """A word as turns from the root of a Huffman tree, each told by a logistic regression.

        P(word | v) = prod_j sigmoid((1 - 2 bit_j) N[node_j] . v)

    Args:
        words: Size of the vocabulary.
        longest: Steps of the longest way.
    """

    def __init__(self, words, longest, **kwargs):
        super().__init__(words, **kwargs)
        self.longest = int(longest)

    @classmethod
    def for_counts(cls, counts, **kwargs):
        """The layer for words that occur so often, int `(words,)`."""
        return cls(len(counts), huffman_paths(counts).shape[1], **kwargs)

    def build(self, input_shape):
        self._add_table(self.words - 1, input_shape[-1])
        self.paths = self._add_constant("paths", (self.words, self.longest), tf.int32)
        super().build(input_shape)

    def set_counts(self, counts):
        noise_distribution(counts, 1.0)  # Refuses counts that are none.
        self.paths.assign(huffman_paths(np.asarray(counts)))

    def pair_losses(self, vectors, words, keys, noise):
        path = tf.gather(self.paths, words)
        nodes = tf.gather(self.table, tf.maximum(tf.abs(path) - 1, 0))
        turns = tf.cast(tf.sign(path), tf.float32) * tf.einsum("pd,pjd->pj", vectors, nodes)
        return tf.reduce_sum(tf.where(path != 0, tf.nn.softplus(-turns), 0.0), axis=1)

    def scores(self, vectors):
        """log P of each word; the least of floats for words that are not in the tree."""

        def one(logits):
            path = tf.convert_to_tensor(self.paths)
            turns = tf.gather(logits, tf.maximum(tf.abs(path) - 1, 0))
            turns *= tf.cast(tf.sign(path), tf.float32)
            logs = tf.reduce_sum(tf.where(path != 0, -tf.nn.softplus(-turns), 0.0), axis=1)
            return tf.where(path[:, 0] != 0, logs, tf.float32.min)

        # One vector at a time: the ways of all words are much for a large vocabulary.
        return tf.map_fn(one, super().scores(vectors))

    def get_config(self):
        return {**super().get_config(), "longest": self.longest}
