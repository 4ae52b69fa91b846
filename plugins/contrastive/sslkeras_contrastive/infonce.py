"""InfoNCE: which of many keys belongs to a query.

A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive
Coding", 2018, https://arxiv.org/abs/1807.03748; with a queue as in MoCo, equation 1.
"""

import tensorflow as tf


def instance_logits(queries, keys, negatives, temperature):
    """Similarity of each query to its key and to all negatives, over the temperature.

    Args:
        queries: float32 `(batch, features)`, rows of unit length.
        keys: The same shape: row i belongs to query i.
        negatives: float32 `(count, features)`, rows of unit length, the same for all.
        temperature: tau > 0.

    Returns:
        float32 `(batch, 1 + count)`, the positive first.
    """
    positive = tf.reduce_sum(queries * keys, axis=1, keepdims=True)
    negative = tf.matmul(queries, negatives, transpose_b=True)
    return tf.concat([positive, negative], axis=1) / temperature


def infonce(logits):
    """Cross-entropy of the first class: `-log softmax(logits)[0]`, float32 `(batch,)`."""
    return tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]


def positive_is_among(logits, count):
    """float32 `(batch,)`: 1 where fewer than `count` negatives reach the positive.

    Equal logits count against it, so that a collapsed encoder scores 0 and not 1.
    """
    as_large = tf.reduce_sum(tf.cast(logits[:, 1:] >= logits[:, :1], tf.int32), axis=1)
    return tf.cast(as_large < count, tf.float32)
