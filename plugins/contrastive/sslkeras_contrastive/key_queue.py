"""The queue of keys: a dictionary as large as one likes, whatever the batch size (section 3.2)."""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras_contrastive.infonce import instance_logits
from sslkeras_contrastive.replicas import update_everywhere


@keras.saving.register_keras_serializable(package="sslkeras_contrastive")
class KeyQueue(keras.layers.Layer):
    """Compares queries with their keys and with a first-in-first-out queue of earlier keys.

    Weights: "queue", float32 `(size, features)`, at first random rows of unit length, and
    "queue_ptr", the int64 row that is overwritten next.

    Args:
        size: Number of keys, K >= 1.
        temperature: tau > 0.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, size, temperature, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.size, self.temperature = size, temperature

    def get_config(self):
        return {**super().get_config(), "size": self.size, "temperature": self.temperature}

    def build(self, input_shape):
        features = input_shape[0][-1]

        def unit_rows(shape, dtype=None):
            rows = keras.initializers.RandomNormal(stddev=1.0)(shape, dtype)
            return tf.math.l2_normalize(rows, axis=1)

        self.queue = self.add_weight(
            "queue",
            (self.size, features),
            tf.float32,
            unit_rows,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.queue_ptr = self.add_weight(
            "queue_ptr",
            (),
            tf.int64,
            "zeros",
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def call(self, inputs):
        """Logits float32 `(batch, 1 + size)` of `(queries, keys)`, rows of unit length."""
        queries, keys = inputs
        negatives = tf.stop_gradient(self.queue.read_value())
        return instance_logits(queries, keys, negatives, self.temperature)

    def enqueue(self, keys):
        """Puts keys into the place of the oldest ones; the same keys on each replica.

        Args:
            keys: float32 `(count, features)`; `count` divides the size.

        Raises:
            ConfigurationError: If it does not.
        """
        count = keys.shape[0]
        if count is not None and self.size % count:
            raise ConfigurationError(
                "The size of the queue must be a multiple of the keys enqueued in a step. "
                f"Received: {self.size} for {count} keys. Change `queue_size` or the batch size."
            )
        count = tf.shape(keys, tf.int64)[0]
        start = self.queue_ptr.read_value()
        rows = (start + tf.range(count)) % self.size
        update_everywhere(
            lambda queue, new, rows: queue.scatter_update(tf.IndexedSlices(new, rows)),
            [self.queue],
            [keys],
            [rows],
        )
        update_everywhere(
            lambda pointer, value: pointer.assign(value),
            [self.queue_ptr],
            [(start + count) % self.size],
        )
