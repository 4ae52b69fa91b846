"""Dropout that a resumed run repeats.

N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: A Simple
Way to Prevent Neural Networks from Overfitting", JMLR 15 (2014) 1929-1958.
"""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError


@keras.saving.register_keras_serializable(package="sslkeras")
class ReproducibleDropout(keras.layers.Layer):
    """Sets a share of its inputs to 0 in training and scales the others up.

        output = input * keep / (1 - rate),  keep ~ Bernoulli(1 - rate)

    `keras.layers.Dropout` draws from a generator that is in no checkpoint. Here the mask is
    a function of a weight, which holds a seed and the number of calls in training so far; so
    saving, restoring and distribution carry it, and a run that was killed and resumed drops
    the units that it would have dropped. The seed is drawn when the layer is built, as other
    initial weights are. Each replica drops other units.

    Args:
        rate: In [0, 1), the share that is dropped.
        shared_axes: Axes along which one draw is shared, e.g. (1,) for the time axis.

    Raises:
        ConfigurationError: If `rate` is out of range.
    """

    def __init__(self, rate, shared_axes=(), **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ConfigurationError(
                f"`rate` of ReproducibleDropout must be in [0, 1). Received: rate={rate}."
            )
        self.rate, self.shared_axes = float(rate), tuple(shared_axes)
        self.supports_masking = True

    def build(self, input_shape):
        if self.rate:
            # int64, as there are no int32 variables on GPUs.
            self.draws = self.add_weight(
                "draws",
                shape=(2,),
                dtype=tf.int64,
                initializer=_seed_and_zero,
                trainable=False,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        if not self.rate or training is None or training is False:
            return inputs
        if training is True:
            return self._dropped(inputs)
        return tf.cond(tf.cast(training, tf.bool), lambda: self._dropped(inputs), lambda: inputs)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "shared_axes": self.shared_axes}

    def _dropped(self, inputs):
        seed = tf.convert_to_tensor(self.draws)
        context = tf.distribute.get_replica_context()
        if context is not None:
            replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
            seed = tf.random.experimental.stateless_fold_in(seed, replica)
            self.draws.assign_add(tf.constant([0, 1], tf.int64))
        shape = tf.shape(inputs)
        for axis in self.shared_axes:
            shape = tf.tensor_scatter_nd_update(shape, [[axis]], [1])
        drawn = tf.random.stateless_uniform(shape, seed, dtype=tf.float32)
        keep = tf.cast(drawn >= self.rate, inputs.dtype)
        return inputs * keep * tf.cast(1.0 / (1.0 - self.rate), inputs.dtype)


def _seed_and_zero(shape, dtype=None):
    del shape
    # From Keras's own generator for weights, so that `keras.utils.set_random_seed` decides.
    drawn = keras.initializers.RandomUniform(0.0, 1.0)((1,))
    seed = tf.cast(tf.cast(drawn, tf.float64) * 2**31, dtype)
    return tf.concat([seed, tf.zeros([1], dtype)], axis=0)
