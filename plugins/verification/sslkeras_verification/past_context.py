"""Each frame of a clip with some that came before it."""

import keras
import tensorflow as tf


def context_indices(steps, count, stride):
    """Frames `s - (count - 1) stride, ..., s - stride, s` of each step s, none before the first.

    Args:
        steps: int32 `(...,)`.
        count: k >= 1, frames of each step.
        stride: Frames from one to the next.

    Returns:
        int32 `(..., count)`.
    """
    back = tf.range(count - 1, -1, -1) * stride
    return tf.maximum(steps[..., tf.newaxis] - back, 0)


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class PastContext(keras.layers.Layer):
    """`(batch, time, ...)` to `(batch, time, count, ...)`: each frame after its past ones.

    Args:
        count, stride: See `context_indices`.
    """

    def __init__(self, count, stride, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.count, self.stride = count, stride

    def call(self, inputs):
        frames = context_indices(tf.range(tf.shape(inputs)[1]), self.count, self.stride)
        taken = tf.gather(inputs, frames, axis=1)
        return tf.ensure_shape(taken, [None, inputs.shape[1], self.count, *inputs.shape[2:]])

    def get_config(self):
        return {**super().get_config(), "count": self.count, "stride": self.stride}
