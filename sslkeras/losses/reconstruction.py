"""Reconstruction losses: summed over an example's components, averaged over examples.

Keras's own mean over components makes the gradient of a 28 x 28 image 784 times
smaller, so that weight decay or a second term would mean something else.
"""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError


class _SummedReconstruction(keras.losses.Loss):
    """Sums `components(targets, outputs)` over all axes but the first.

    Args:
        alpha: Weight of corrupted components, >= 0.
        beta: Weight of the other components, >= 0. Unless both are 1, the targets hold
            twice the channels of the outputs: the clean values, then 1 where the
            component was corrupted and 0 elsewhere.
        reduction: As in Keras.
        name: As in Keras.

    Raises:
        ConfigurationError: If a weight is negative or both are 0.
    """

    def __init__(self, *, alpha=1.0, beta=1.0, reduction="auto", name=None):
        if not (alpha >= 0 and beta >= 0 and alpha + beta > 0):
            raise ConfigurationError(
                "`alpha` and `beta` must be >= 0 and not both 0. Received: "
                f"alpha={alpha!r}, beta={beta!r}."
            )
        super().__init__(reduction=reduction, name=name)
        self.alpha, self.beta = alpha, beta

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}

    @property
    def emphasised(self):
        """Whether the targets carry which components were corrupted."""
        return self.alpha != 1 or self.beta != 1

    def call(self, targets, outputs):
        """float32 `(batch,)` from targets and outputs `(batch, ..., channels)`."""
        # Sums of thousands of terms need float32, whatever the model computes in.
        targets, outputs = tf.cast(targets, tf.float32), tf.cast(outputs, tf.float32)
        parts = 2 if self.emphasised else 1
        if targets.shape[-1] != parts * outputs.shape[-1]:
            raise ConfigurationError(
                f"The last axis of the targets must be {parts} times that of the outputs for "
                f"{self!r}. Received: targets {targets.shape}, outputs {outputs.shape}."
            )
        if self.emphasised:
            targets, corrupted = tf.split(targets, 2, axis=-1)
            weights = self.beta + (self.alpha - self.beta) * corrupted
            terms = weights * self.components(targets, outputs)
        else:
            terms = self.components(targets, outputs)
        return tf.reduce_sum(terms, axis=list(range(1, terms.shape.rank)))

    def components(self, targets, outputs):
        """The loss of each component, in the shape of `outputs`."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}(alpha={self.alpha}, beta={self.beta})"


@keras.saving.register_keras_serializable(package="sslkeras")
class SummedBinaryCrossentropy(_SummedReconstruction):
    """Binary cross-entropy between targets x in [0, 1] and logits a, z = sigmoid(a):

        sum_j w_j (-x_j log z_j - (1 - x_j) log(1 - z_j)),  w_j = alpha or beta

    Its least value is the entropy of the targets, which is 0 for binary ones only.
    """

    def components(self, targets, outputs):
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=outputs)


@keras.saving.register_keras_serializable(package="sslkeras")
class SummedSquaredError(_SummedReconstruction):
    """Squared error between targets x and outputs y: `sum_j w_j (x_j - y_j)^2`."""

    def components(self, targets, outputs):
        return tf.math.squared_difference(targets, outputs)
