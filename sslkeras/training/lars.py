"""LARS, for training with large batches.

Y. You, I. Gitman, B. Ginsburg, "Large Batch Training of Convolutional Networks", 2017,
https://arxiv.org/abs/1708.03888.
"""

import keras
import tensorflow as tf

from sslkeras.hyperparameters import Boolean, Real, check_argument


@keras.saving.register_keras_serializable(package="sslkeras")
class LARS(keras.optimizers.Optimizer):
    """SGD with momentum whose rate is scaled layer by layer (algorithm 1).

    A large batch needs a large rate, and the first layers to diverge at one are those
    whose gradients are large beside their weights. So each weight `w` with gradient `g`
    gets a rate of its own, at which no step is large beside the weight:

        trust = trust_coefficient * |w| / (|g| + weight_decay * |w|)
        v    <- momentum * v + learning_rate * trust * (g + weight_decay * w)
        w    <- w - v

    `|.|` is the Euclidean norm of the whole variable. `trust` is 1 where a norm is 0.
    Variables of rank below 2 (biases, the scales and offsets of normalisation) have
    `trust = 1` and no decay.

    Args:
        learning_rate: > 0, or a schedule (gamma). Around 10 times that of SGD with
            momentum is usual, as `trust` is small. Defaults to 1.0.
        momentum: In [0, 1) (m). Defaults to 0.9.
        trust_coefficient: > 0 (eta). Defaults to 0.001.
        weight_decay: >= 0 (beta). It acts inside the trust ratio and is not decoupled.
            Defaults to 0.
        nesterov: Whether the step looks ahead along `v`. Not in the paper. Defaults to False.
        name: Name of the optimizer.
        **kwargs: `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency` and `jit_compile` of `keras.optimizers.Optimizer`.

    Raises:
        ConfigurationError: If a value is outside its range.
    """

    def __init__(
        self,
        learning_rate=1.0,
        momentum=0.9,
        trust_coefficient=0.001,
        weight_decay=0.0,
        nesterov=False,
        name="LARS",
        **kwargs,
    ):
        # Keras's own weight decay would be a second one, outside the trust ratio.
        super().__init__(name=name, weight_decay=None, **kwargs)
        below_one = Real(0, 1, closed="left")
        self.momentum = check_argument("LARS", "momentum", momentum, below_one)
        self.trust_coefficient = check_argument(
            "LARS", "trust_coefficient", trust_coefficient, Real(0, closed="neither")
        )
        self.decay_in_ratio = check_argument("LARS", "weight_decay", weight_decay or 0.0, Real(0))
        self.nesterov = check_argument("LARS", "nesterov", nesterov, Boolean())
        self._learning_rate = self._build_learning_rate(learning_rate)

    def build(self, var_list):
        """Creates `v`, zero, for each of `var_list`."""
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self.momentums = [self.add_variable_from_reference(v, "momentum") for v in var_list]
        self._built = True

    def update_step(self, gradient, variable):
        """Moves `variable` once; a sparse gradient is made dense, as the norm needs it all."""
        gradient = tf.convert_to_tensor(gradient)
        rate = tf.cast(self.learning_rate, variable.dtype)
        velocity = self.momentums[self._index_dict[self._var_key(variable)]]
        if variable.shape.rank >= 2:
            # float16 squares overflow above 255.
            weight_norm = tf.norm(tf.cast(variable, tf.float32))
            gradient_norm = tf.norm(tf.cast(gradient, tf.float32))
            trust = tf.where(
                (weight_norm > 0.0) & (gradient_norm > 0.0),
                tf.math.divide_no_nan(
                    self.trust_coefficient * weight_norm,
                    gradient_norm + self.decay_in_ratio * weight_norm,
                ),
                1.0,
            )
            rate = rate * tf.cast(trust, variable.dtype)
            gradient = gradient + self.decay_in_ratio * variable
        step = rate * gradient
        velocity.assign(self.momentum * velocity + step)
        variable.assign_sub(self.momentum * velocity + step if self.nesterov else velocity)

    def get_config(self):
        """The constructor arguments, for `from_config`."""
        return {
            **super().get_config(),
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "momentum": self.momentum,
            "trust_coefficient": self.trust_coefficient,
            "weight_decay": self.decay_in_ratio,
            "nesterov": self.nesterov,
        }
