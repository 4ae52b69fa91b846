"""Scores of a yes or no answer of which one is rarer than the other."""

import keras
import tensorflow as tf


class OrderAUC(keras.metrics.AUC):
    """Area under the ROC curve of logits `(batch, 2)`, label 1 being the positive one.

    0.5 is chance, whatever the share of the classes. Sums are kept, so that replicas merge.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        positive = tf.nn.softmax(tf.cast(y_pred, tf.float32))[..., 1]
        return super().update_state(y_true, positive, sample_weight)


class BalancedAccuracy(keras.metrics.Metric):
    """Mean of the accuracies on either class, of logits `(batch, 2)`.

    With p the share of label 1 in training, the answer is 1 where

        logit[1] - logit[0] > log(p / (1 - p)),

    so that a network which knows only p answers at chance, 0.5, and not always the same.

    Args:
        positive_share: p, in (0, 1).
        name: Of the metric.
    """

    def __init__(self, positive_share, name="balanced_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.positive_share = positive_share
        self.right = self.add_weight("right", (2,), initializer="zeros")
        self.count = self.add_weight("count", (2,), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        label = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        logits = tf.cast(y_pred, tf.float32)
        prior = tf.math.log(self.positive_share / (1 - self.positive_share))
        answer = tf.cast(logits[..., 1] - logits[..., 0] > prior, tf.int32)
        one_hot = tf.one_hot(label, 2)
        if sample_weight is not None:
            one_hot *= tf.reshape(tf.cast(sample_weight, tf.float32), [-1, 1])
        right = tf.cast(answer == label, tf.float32)[:, tf.newaxis]
        self.right.assign_add(tf.reduce_sum(one_hot * right, axis=0))
        self.count.assign_add(tf.reduce_sum(one_hot, axis=0))

    def result(self):
        return tf.reduce_mean(tf.math.divide_no_nan(self.right, self.count))

    def reset_state(self):
        for variable in (self.right, self.count):
            variable.assign(tf.zeros_like(variable))

    def get_config(self):
        return {**super().get_config(), "positive_share": self.positive_share}
