"""How often a frame lies nearer to one of its moment than to any of another."""

import keras
import tensorflow as tf

from sslkeras_multiview.contrasts import pairs_in_time, squared_distances


@keras.saving.register_keras_serializable(package="sslkeras_multiview")
class NearestInTime(keras.metrics.Mean):
    """Share of frames with a positive nearer than all of their negatives.

    Of frames that have both within this replica's batch. Equal distances count as wrong, so
    that a collapsed encoder scores 0.

    Args:
        near, far: See `pairs_in_time`.
        name: As in Keras.
    """

    def __init__(self, near, far, name="accuracy"):
        super().__init__(name=name)
        self.near, self.far = near, far

    def update_state(self, targets, outputs, sample_weight=None):
        embeddings, time = outputs["embeddings"], outputs["time"]
        rows = tf.reshape(embeddings, [-1, embeddings.shape[-1]])
        times = tf.reshape(time, [-1])
        place = tf.range(tf.shape(rows)[0])
        sequence = place // embeddings.shape[1]
        positive, negative = pairs_in_time(times, sequence, times, sequence, self.near, self.far)
        positive &= place[:, tf.newaxis] != place
        distance = squared_distances(rows, rows)

        def least(mask):
            return tf.reduce_min(tf.where(mask, distance, tf.float32.max), axis=1)

        has_both = tf.reduce_any(positive, axis=1) & tf.reduce_any(negative, axis=1)
        right = tf.cast(least(positive) < least(negative), tf.float32)
        return super().update_state(right, sample_weight=tf.cast(has_both, tf.float32))

    def get_config(self):
        return {"name": self.name, "near": self.near, "far": self.far}
