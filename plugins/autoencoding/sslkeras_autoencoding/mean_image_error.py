"""What an autoencoder that ignores its input would reach."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sslkeras_autoencoding")
class MeanImageError(keras.metrics.Metric):
    """Squared error of answering each image with the mean of all images seen so far:

        1/n sum_i ||x_i - m||^2 = 1/n sum_i ||x_i||^2 - ||m||^2,  m = 1/n sum_i x_i

    A deep logistic autoencoder that starts badly stays at this figure.
    """

    def __init__(self, name="mean_image_error", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.count = self.add_weight("count", initializer="zeros")
        self.squares = self.add_weight("squares", initializer="zeros")
        self.total = None

    def update_state(self, targets, outputs, sample_weight=None):
        clean = tf.cast(targets, tf.float32)[..., : outputs.shape[-1]]
        width = clean.shape[1:].num_elements()
        if self.total is None:
            with tf.init_scope():
                self.total = self.add_weight("total", shape=(width,), initializer="zeros")
        clean = tf.reshape(clean, (-1, width))
        if sample_weight is None:
            weights = tf.ones((tf.shape(clean)[0], 1))
        else:
            weights = tf.reshape(tf.cast(sample_weight, tf.float32), (-1, 1))
        self.count.assign_add(tf.reduce_sum(weights))
        self.squares.assign_add(tf.reduce_sum(weights * tf.square(clean)))
        self.total.assign_add(tf.reduce_sum(weights * clean, axis=0))

    def reset_state(self):
        # Keras's own assigns a scalar 0 to each variable.
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))

    def result(self):
        if self.total is None:
            return tf.constant(0.0)
        mean = tf.math.divide_no_nan(self.total, self.count)
        mean_square = tf.math.divide_no_nan(self.squares, self.count)
        return mean_square - tf.reduce_sum(tf.square(mean))
