"""Which tokens of a text are masked: single ones, or whole words."""

import tensorflow as tf


def how_many(tokens, share, most):
    """min(most, max(1, round(share * tokens))), where a half is rounded to the even number.

    Args:
        tokens: int `(batch,)`, real tokens of each text, with its two special ones.
        share: In (0, 1).
        most: Greatest number.

    Returns:
        int32 `(batch,)`.
    """
    # float64, as Python counts.
    wanted = tf.round(share * tf.cast(tokens, tf.float64))
    return tf.cast(tf.clip_by_value(wanted, 1.0, float(most)), tf.int32)


def choose_tokens(scores, real, count):
    """The `count` real tokens of greatest score.

    Args:
        scores: float `(batch, length)` in [0, 1).
        real: bool `(batch, length)`.
        count: int32 `(batch,)`.

    Returns:
        bool `(batch, length)`.
    """
    return (_rank(tf.where(real, scores, -1.0)) < count[:, tf.newaxis]) & real


def choose_words(scores, real, count, begins_word):
    """Whole words in random order; one that would make more than `count` tokens is passed over.

    Args:
        scores: float `(batch, length)` in [0, 1): that of a word is at its first token.
        real: bool `(batch, length)`.
        count: int32 `(batch,)`.
        begins_word: bool `(batch, length)`; False for the later pieces of a word. The first
            token of a text always begins one.

    Returns:
        bool `(batch, length)`.
    """
    size, length = tf.unstack(tf.shape(scores))
    begins = begins_word | (tf.range(length) == 0)
    word = tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
    rows = tf.range(size)[:, tf.newaxis]
    flat = rows * length + word
    pieces = tf.math.unsorted_segment_sum(tf.cast(real, tf.int32), flat, size * length)
    pieces = tf.reshape(pieces, [size, length])
    heads = tf.where(begins & real, scores, -1.0)
    score = tf.math.unsorted_segment_max(heads, flat, size * length)
    score = tf.where(pieces > 0, tf.reshape(score, [size, length]), -1.0)
    order = tf.argsort(score, axis=1, direction="DESCENDING", stable=True)
    sizes = tf.transpose(tf.gather(pieces, order, batch_dims=1))

    def visit(state, pieces_of_next):
        taken, _ = state
        fits = (pieces_of_next > 0) & (taken + pieces_of_next <= count)
        return taken + tf.where(fits, pieces_of_next, 0), fits

    _, fits = tf.scan(visit, sizes, (tf.zeros_like(count), tf.zeros_like(count, tf.bool)))
    chosen = tf.gather(tf.transpose(fits), tf.argsort(order, axis=1), batch_dims=1)
    return tf.gather(chosen, word, batch_dims=1) & real


def positions_of(chosen, most):
    """Positions of the chosen tokens in rising order, filled up with 0.

    Args:
        chosen: bool `(batch, length)`.
        most: Number of places.

    Returns:
        int32 `(batch, most)`, and float32 of that shape: 1 for a position, 0 for filling.
    """
    length = tf.shape(chosen)[1]
    left = tf.where(chosen, length - tf.range(length), 0)
    values, _ = tf.math.top_k(left, most)
    return tf.where(values > 0, length - values, 0), tf.cast(values > 0, tf.float32)


def _rank(values):
    """Place of each value in its row, the greatest first."""
    order = tf.argsort(values, axis=1, direction="DESCENDING", stable=True)
    return tf.argsort(order, axis=1)
