"""Perplexity as a metric, and what the probes of language models ask for."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class TokenPerplexity(keras.metrics.Metric):
    """exp(total negative log-likelihood / number of tokens), natural logarithms.

    Both sums run over all batches and replicas, and the exponential is taken once.
    """

    def __init__(self, name="perplexity", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = self.add_weight("loss", initializer="zeros")
        self.count = self.add_weight("count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y_true, tf.cast(y_pred, tf.float32))
        if sample_weight is None:
            sample_weight = tf.ones_like(losses)
        weights = tf.cast(sample_weight, tf.float32)
        self.loss.assign_add(tf.reduce_sum(losses * weights))
        self.count.assign_add(tf.reduce_sum(weights))

    def result(self):
        return tf.exp(tf.math.divide_no_nan(self.loss, self.count))


def log_likelihoods(logits, tokens, weights):
    """What the probes `perplexity` and `masked_accuracy` read.

    Args:
        logits: float `(batch, positions, vocabulary)`.
        tokens: int32 `(batch, positions)`, the true ones.
        weights: float `(batch, positions)`, 0 where a token does not count.
    """
    logits = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    true = tf.gather(logits, tokens, batch_dims=2)
    return {
        "log_likelihood": true,
        "token": tokens,
        "scored": weights > 0,
        "rank": tf.reduce_sum(tf.cast(logits > true[..., tf.newaxis], tf.int32), axis=-1),
    }
