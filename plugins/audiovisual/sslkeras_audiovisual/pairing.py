"""Which sound is put to an image, and which stretch of it."""

import tensorflow as tf


def partners(clips, others, seed, *, keep_rows):
    """For each example a row of `others` that comes from another video.

    Args:
        clips: int `(batch,)`: the video of each example.
        others: int `(sounds,)`: the video of each sound that may be chosen.
        seed: int32 `(2,)`.
        keep_rows: True: row i takes sound i where that is possible, and otherwise one at random.
            False: each sound of another video is equally likely.

    Returns:
        int32 `(batch,)`, and bool `(batch,)`: whether there is any sound of another video.
    """
    rows, columns = tf.shape(clips)[0], tf.shape(others)[0]
    wish = tf.random.stateless_uniform([rows, columns], seed)
    if keep_rows:
        wish += tf.eye(rows, columns)
    allowed = tf.not_equal(clips[:, tf.newaxis], others[tf.newaxis])
    wish = tf.where(allowed, wish, -1.0)
    chosen = tf.argmax(wish, axis=1, output_type=tf.int32)
    return chosen, tf.reduce_any(allowed, axis=1)


def cut(waveforms, starts, length):
    """`length` samples of each waveform, from a place of its own.

    Args:
        waveforms: float32 `(batch, samples)`.
        starts: int32 `(batch,)`, each in [0, samples - length].
        length: Samples that come out.
    """
    places = starts[:, tf.newaxis] + tf.range(length)
    return tf.gather(waveforms, places, batch_dims=1)
