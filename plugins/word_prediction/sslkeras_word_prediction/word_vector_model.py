"""Models that learn word vectors from a word and its neighbours."""

import keras
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.losses.reduction import num_replicas
from sslkeras_word_prediction.token_model import token_embedding
from sslkeras_word_prediction.windows import blocks_of
from sslkeras_word_prediction.word_outputs import NegativeSampling


class WordVectorModel(SurrogateModel):
    """Reports the mean loss of what is predicted in the global batch, and minimises the sum.

    The published step is one for each prediction. With the learning rates of word2vec the sum
    is its form for a batch, and the mean would be a thousand times too slow.

    Takes a dict of `blocks_of`'s inputs and gives a dict for pictures. Its layers are
    "encoder", which holds the table of word vectors, "output" and "shown".
    """

    def total_of(self, table, output, blocks, noise):
        """Sum of the losses of this replica, and their number, both float32.

        Args:
            table: float32 `(words, width)`, the variable.
            output: The `WordOutput`.
            blocks: The `Blocks`.
            noise: int32 `(batch,)`.
        """
        raise TypeError("Each task has its own.")

    @property
    def window(self):
        """Greatest distance of a neighbour."""
        return self.get_layer("shown").window

    def losses_of(self, inputs, targets, weights, training):
        blocks = blocks_of({**inputs, "tokens": targets}, self.window)
        table = token_embedding(self.get_layer("encoder")).embeddings
        total, count = self.total_of(table, self.get_layer("output"), blocks, inputs["noise"])
        if num_replicas() > 1:
            context = tf.distribute.get_replica_context()
            count = context.all_reduce(tf.distribute.ReduceOp.SUM, count)
        return {"total": total}, {"model": tf.math.divide_no_nan(total, count)}

    def objectives_of(self, losses, outputs):
        return {"model": outputs["total"]}


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class SkipgramModel(WordVectorModel):
    """Predicts each neighbour of a word from that word."""

    def total_of(self, table, output, blocks, noise):
        vectors = tf.gather(table, blocks.words)
        count = tf.reduce_sum(blocks.band)
        if isinstance(output, NegativeSampling) and output.shared is not None:
            return output.block_loss(vectors, blocks, output.shared_noise(noise)), count
        pairs = tf.cast(tf.where(blocks.band > 0), tf.int32)
        word, neighbour = pairs[:, :2], tf.stack([pairs[:, 0], pairs[:, 2]], axis=1)
        # Each pair of a word draws noise of its own.
        away = tf.cast(pairs[:, 2] - pairs[:, 1], tf.uint64)
        keys = tf.gather_nd(blocks.keys, word) + away * tf.constant(2**24, tf.uint64)
        losses = output.pair_losses(
            tf.gather_nd(vectors, word), tf.gather_nd(blocks.around, neighbour), keys, noise
        )
        return tf.reduce_sum(losses), count


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class MissingWordModel(WordVectorModel):
    """Predicts each word that has neighbours from their mean or sum."""

    def total_of(self, table, output, blocks, noise):
        around = tf.gather(table, blocks.around)
        hidden = aggregated(around, blocks.band, self.get_layer("context").how)
        is_predicted = tf.cast(blocks.count > 0, tf.float32)
        losses = output.pair_losses(
            tf.reshape(hidden, [-1, table.shape[1]]),
            tf.reshape(blocks.words, [-1]),
            tf.reshape(blocks.keys, [-1]),
            noise,
        )
        total = tf.reduce_sum(losses * tf.reshape(is_predicted, [-1]))
        return total, tf.reduce_sum(is_predicted)


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class Aggregate(keras.layers.Layer):
    """`aggregated` of `[vectors, beside (batch, length)]`: float32 `(batch, width)`.

    Args:
        how: "mean" or "sum".
    """

    def __init__(self, how, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.how = how

    def call(self, inputs):
        vectors, beside = inputs
        return aggregated(vectors, beside[:, tf.newaxis], self.how)[:, 0]

    def get_config(self):
        return {**super().get_config(), "how": self.how}


def aggregated(vectors, beside, how):
    """Mean or sum of the vectors that stand beside each word; 0 where there are none.

    Args:
        vectors: float `(batch, length, width)`.
        beside: float32 `(batch, words, length)`: 1 for a neighbour, else 0.
        how: "mean" or "sum".

    Returns:
        float32 `(batch, words, width)`.
    """
    if how == "mean":  # There are fewer neighbours to divide than numbers in their vectors.
        beside = tf.math.divide_no_nan(beside, tf.reduce_sum(beside, axis=-1, keepdims=True))
    return tf.matmul(beside, tf.cast(vectors, tf.float32))
