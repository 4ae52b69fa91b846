"""Soft cycles from a frame of one video through others and back.

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (section 3).

With embeddings u of the first video and v of the second, D numbers each, and

    sim(x, y) = -|x - y|^2 / (D tau)   or   x y / (D tau)

frame i goes to v~_i = sum_j softmax_j(sim(u_i, v_j)) v_j, and the logits of its return are
sim(v~_i, u_k). It came back if they point at i.
"""

import tensorflow as tf

# Keeps logarithms and quotients finite where a return is certain.
_EPSILON = 1e-7


def similarity(one, other, kind, temperature):
    """sim of each row of `one` `(..., n, D)` and of `other` `(..., m, D)`: `(..., n, m)`."""
    width = one.shape[-1]
    if kind == "cosine":
        return tf.matmul(one, other, transpose_b=True) / (width * temperature)
    # By differences: adding one vector to all embeddings changes nothing.
    difference = one[..., :, tf.newaxis, :] - other[..., tf.newaxis, :, :]
    return -tf.reduce_sum(tf.square(difference), axis=-1) / (width * temperature)


def all_pairs(embeddings, kind, temperature):
    """Logits of the return of each frame of each video by each other one.

    Args:
        embeddings: float32 `(batch, N, T, D)`.
        kind: "l2" or "cosine".
        temperature: tau > 0.

    Returns:
        float32 `(batch, N, N - 1, T, T)`: of frame i of the start video, over its frames.
    """
    num_videos = embeddings.shape[1]
    others = [[j for j in range(num_videos) if j != i] for i in range(num_videos)]
    start = embeddings[:, :, tf.newaxis]  # (batch, N, 1, T, D)
    there = tf.gather(embeddings, others, axis=1)  # (batch, N, N - 1, T, D)
    share = tf.nn.softmax(similarity(start, there, kind, temperature), axis=-1)
    return similarity(tf.matmul(share, there), start, kind, temperature)


def along(embeddings, cycles, starts, kind, temperature):
    """Logits of the return of one frame through each of some cycles.

    Args:
        embeddings: float32 `(batch, N, T, D)`.
        cycles: int32 `(batch, cycles, length)`: different videos, the start video first.
        starts: int32 `(batch, cycles)`: the frame to begin at.
        kind, temperature: See `all_pairs`.

    Returns:
        float32 `(batch, cycles, T)`.
    """
    first = tf.gather(embeddings, cycles[..., 0], batch_dims=1)  # (batch, cycles, T, D)
    place = tf.gather(first, starts, batch_dims=2)[:, :, tf.newaxis]  # (batch, cycles, 1, D)
    for position in range(1, cycles.shape[-1]):
        there = tf.gather(embeddings, cycles[..., position], batch_dims=1)
        share = tf.nn.softmax(similarity(place, there, kind, temperature), axis=-1)
        place = tf.matmul(share, there)
    return similarity(place, first, kind, temperature)[:, :, 0]


def return_loss(logits, start, times, kind, *, label_smoothing, variance_lambda, huber_delta):
    """How far each return lies from where it began.

    Args:
        logits: float32 `(..., T)`.
        start: int32 `(...)`, the frame that each began at.
        times: float32 `(..., T)`: when the frames of the start video were seen.
        kind: "classification", "regression_mse", "regression_mse_var" or "regression_huber".
        label_smoothing: Share of the label that is spread over all frames.
        variance_lambda: Weight of the logarithm of the variance.
        huber_delta: Error from which on the loss is linear.

    Returns:
        float32 `(...)`.
    """
    if kind == "classification":
        count = logits.shape[-1]
        label = tf.one_hot(start, count) * (1 - label_smoothing) + label_smoothing / count
        return tf.nn.softmax_cross_entropy_with_logits(labels=label, logits=logits)
    truth = tf.gather(times, start, batch_dims=len(start.shape))
    share = tf.nn.softmax(logits, axis=-1)
    mean = tf.reduce_sum(share * times, axis=-1)
    error = truth - mean
    if kind == "regression_mse":
        return tf.square(error)
    if kind == "regression_huber":
        size = tf.abs(error)
        inside = tf.minimum(size, huber_delta)
        return 0.5 * tf.square(inside) + huber_delta * (size - inside)
    variance = tf.reduce_sum(share * tf.square(times - mean[..., tf.newaxis]), axis=-1)
    log_variance = tf.math.log(variance + _EPSILON)
    return tf.exp(-log_variance) * tf.square(error) + variance_lambda * log_variance
