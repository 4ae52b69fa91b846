"""Recurrent models whose state is carried from batch to batch."""

import keras
import tensorflow as tf

from sslkeras_word_prediction.token_model import TiedTokenModel, TokenModel


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class CarriedState(keras.layers.Layer):
    """The state in which the batch before ended, row by row; 0 in evaluation.

    Takes anything `(batch, ...)` and gives `(batch, width)`. The state of the global batch is one
    weight `(rows, width)`, so that it is saved and restored. Each replica takes its own rows of
    it. No gradient flows into the batch before.

    Args:
        rows: Rows of the global batch.
        width: Numbers in the state of a row.
    """

    def __init__(self, rows, width, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.width = int(rows), int(width)

    def build(self, input_shape):
        self.state = self.add_weight(
            "state",
            shape=(self.rows, self.width),
            dtype=tf.float32,
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        size = tf.shape(inputs)[0]
        if training is not True:
            return tf.zeros([size, self.width], self.compute_dtype)
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        own = tf.convert_to_tensor(self.state)[replica * size : (replica + 1) * size]
        return tf.cast(tf.ensure_shape(own, [None, self.width]), self.compute_dtype)

    def keep(self, state):
        """Takes over this replica's part of the state after the batch, `(batch, width)`."""
        state = tf.cast(state, tf.float32)
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            state = context.all_gather(state, axis=0)
        self.state.assign(state)

    def get_config(self):
        return {**super().get_config(), "rows": self.rows, "width": self.width}


class _Carries:
    """Mixed into a model with the outputs "logits" and "state" and the layer "carried"."""

    def after_update(self, inputs, targets, outputs):
        self.get_layer("carried").keep(outputs["state"])


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class StatefulTokenModel(_Carries, TokenModel):
    """A `TokenModel` that carries its state."""


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class StatefulTiedTokenModel(_Carries, TiedTokenModel):
    """A `TiedTokenModel` that carries its state."""
