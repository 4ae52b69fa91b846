"""Losses that pull frames of one moment together and push others apart.

F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for Face Recognition
and Clustering", CVPR 2015, https://arxiv.org/abs/1503.03832 (triplets, semi-hard negatives).
K. Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NeurIPS 2016.

On several replicas each holds some rows, compares them with the rows of all, and returns its
share of the loss of the global batch.
"""

import tensorflow as tf

from sslkeras.losses import global_mean, global_ratio


def semihard_triplets(rows, everyone, positive, negative, margin):
    """Triplets with the nearest negative that is farther away than the positive.

    With D the squared distances, for every pair (i, j) of `positive`

        max(0, margin + D_ij - D_in)

    where n is the nearest of i's negatives with D_in > D_ij or, if there is none, the farthest
    of them all. The mean over pairs; pairs without any negative count as 0, and a batch without
    a pair has the loss 0.

    The same as `TripletSemiHardLoss(distance_metric="squared-L2")` of tensorflow-addons, whose
    masks come from labels alone, which is NaN without pairs and knows one replica only.

    Args:
        rows: float32 `(n, features)` of this replica.
        everyone: float32 `(N, features)` of all.
        positive: bool `(n, N)`, False for a row and itself.
        negative: bool `(n, N)`.
        margin: > 0.

    Returns:
        Scalar, this replica's share.
    """
    distance = squared_distances(rows, everyone)
    # Negatives of each row in order; those that are none come last.
    candidates = tf.sort(tf.where(negative, distance, tf.float32.max), axis=1)
    count = tf.reduce_sum(tf.cast(negative, tf.int32), axis=1, keepdims=True)
    nearest_beyond = tf.searchsorted(candidates, distance, side="right")
    chosen = tf.clip_by_value(nearest_beyond, 0, tf.maximum(count - 1, 0))
    terms = tf.nn.relu(margin + distance - tf.gather(candidates, chosen, batch_dims=1))
    counted = tf.cast(positive, tf.float32)
    terms = tf.where(positive & (count > 0), terms, 0.0)
    return global_ratio(tf.reduce_sum(terms), tf.reduce_sum(counted))


def triplets(anchors, positives, negatives, margin):
    """Mean of `max(0, margin + |a - p|^2 - |a - n|^2)` over rows `(n, features)`."""
    near = tf.reduce_sum(tf.math.squared_difference(anchors, positives), axis=-1)
    far = tf.reduce_sum(tf.math.squared_difference(anchors, negatives), axis=-1)
    return global_mean(tf.nn.relu(margin + near - far))


def n_pairs(anchors, positives, all_positives, own, regularization):
    """Each anchor must have its largest inner product with its own positive.

        mean_i -log softmax_j(a_i p_j)[i]  +  0.25 regularization (mean |a|^2 + mean |p|^2)

    Args:
        anchors: float32 `(n, features)` of this replica.
        positives: float32 `(n, features)`, row i belongs to anchor i.
        all_positives: float32 `(N, features)` of all replicas.
        own: int32 `(n,)`: which row of `all_positives` is that of each anchor.
        regularization: >= 0.

    Returns:
        Scalar, this replica's share.
    """
    logits = tf.matmul(anchors, all_positives, transpose_b=True)
    loss = global_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=own, logits=logits))
    lengths = sum(
        global_mean(tf.reduce_sum(tf.square(rows), axis=1)) for rows in (anchors, positives)
    )
    return loss + 0.25 * regularization * lengths


def squared_distances(rows, everyone):
    """float32 `(n, N)`; by differences, so that equal rows are at distance 0 exactly."""
    return tf.reduce_sum(tf.math.squared_difference(rows[:, tf.newaxis], everyone), axis=-1)


def pairs_in_time(times, sequences, all_times, all_sequences, near, far):
    """Which frames belong together and which do not.

    Args:
        times, sequences: int32 `(n,)`: moment and sequence of each row.
        all_times, all_sequences: The same of all rows, `(N,)`.
        near: Greatest distance in time of frames that belong together.
        far: Distance that frames of one sequence exceed if they do not. Frames of different
            sequences never belong together.

    Returns:
        bool `(n, N)` each: positive and negative. A row and itself are both of one moment:
        who calls must leave them out.
    """
    distance = tf.abs(times[:, tf.newaxis] - all_times)
    together = sequences[:, tf.newaxis] == all_sequences
    return together & (distance <= near), ~together | (distance > far)
