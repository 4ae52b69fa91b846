"""Optical flow inside the graph.

B. K. P. Horn, B. G. Schunck, "Determining Optical Flow", Artificial Intelligence 17 (1981).
"""

import tensorflow as tf

# Weight of smoothness for pixels in [0, 1]: about the gradient at which both terms weigh alike.
_ALPHA = 0.1
_ITERATIONS = 30
_NEIGHBOURS = ((1 / 12, 1 / 6, 1 / 12), (1 / 6, 0.0, 1 / 6), (1 / 12, 1 / 6, 1 / 12))


def horn_schunck(first, second):
    """Displacements from `first` to `second`, of up to about a pixel.

        minimise  sum (I_x u + I_y v + I_t)^2 + alpha^2 (|grad u|^2 + |grad v|^2)

    Gradients are those of the mean of both frames, so that swapping the frames exactly
    changes the sign. Larger displacements come out too short, in the right direction.

    Args:
        first, second: float32 `(frames, height, width, 1)` in [0, 1].

    Returns:
        float32 `(frames, height, width, 2)`: (u, v) in pixels.
    """
    mean = (first + second) / 2
    # Central differences, the border repeated.
    padded = tf.pad(mean, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    i_x = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    i_y = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    gradient = tf.concat([i_x, i_y], axis=-1)
    i_t = second - first
    stiffness = _ALPHA**2 + tf.reduce_sum(tf.square(gradient), axis=-1, keepdims=True)
    kernel = tf.constant(_NEIGHBOURS)[:, :, tf.newaxis, tf.newaxis] * tf.ones([1, 1, 2, 1])

    def around(flow):
        bordered = tf.pad(flow, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
        return tf.nn.depthwise_conv2d(bordered, kernel, [1, 1, 1, 1], "VALID")

    flow = tf.zeros_like(gradient)
    for _ in range(_ITERATIONS):
        near = around(flow)
        error = tf.reduce_sum(gradient * near, axis=-1, keepdims=True) + i_t
        flow = near - gradient * error / stiffness
    return flow


def flow_of_clips(frames):
    """Flow between successive frames, `(batch, time - 1, height, width, 2)`.

    Args:
        frames: float32 `(batch, time, height, width, channels)` in [0, 1], the time known; the
            mean of the channels counts.
    """
    grey = tf.reduce_mean(frames, axis=-1, keepdims=True)
    inside = tf.shape(grey)[2:4]
    one_by_one = tf.concat([[-1], inside, [1]], axis=0)
    first, second = (tf.reshape(part, one_by_one) for part in (grey[:, :-1], grey[:, 1:]))
    time, height, width = grey.shape[1:4]
    shape = tf.concat([[-1, time - 1], inside, [2]], axis=0)
    flow = tf.reshape(horn_schunck(first, second), shape)
    return tf.ensure_shape(flow, [None, time - 1, height, width, 2])
