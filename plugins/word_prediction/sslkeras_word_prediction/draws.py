"""Random numbers for each position of each text: new at each visit, or the text's own.

G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014
(the mixing function of SplitMix64).
"""

import tensorflow as tf


def draws_of_visit(tokens, seed, count):
    """float32 `(count, batch, length)`, uniform in [0, 1), from `seed` alone."""
    return tf.random.stateless_uniform([count, *tf.unstack(tf.shape(tokens))], seed)


def draws_of_text(tokens, seed, count, copies):
    """float32 `(count, batch, length)`, uniform in [0, 1), from a text and a number below `copies`.

    A text has so many sets of draws, the same whenever it is seen. Which of them is used is drawn
    from `seed`.
    """
    size, length = tf.unstack(tf.shape(tokens))
    copy = tf.random.stateless_uniform([size], seed, 0, copies, tf.int32)
    position = tf.cast(tf.range(length), tf.uint64)
    # The sum of mixed pairs (position, token) tells texts apart, and their order of tokens.
    pairs = position * tf.constant(2**32, tf.uint64) + tf.cast(tokens, tf.uint64)
    text = tf.cast(tf.reduce_sum(tf.cast(mixed_bits(pairs), tf.int64), axis=1), tf.uint64)
    own = mixed_bits(text + tf.cast(copy + 1, tf.uint64))
    kind = tf.cast(tf.range(count), tf.uint64) * tf.constant(2**40, tf.uint64)
    drawn = mixed_bits(own[tf.newaxis, :, tf.newaxis] + kind[:, tf.newaxis, tf.newaxis] + position)
    # The upper 24 bits, as many as a float32 holds.
    upper = tf.bitwise.right_shift(drawn, tf.constant(40, tf.uint64))
    return tf.cast(upper, tf.float32) * 2.0**-24


def mixed_bits(value):
    """uint64 of any shape: near numbers become ones that have nothing in common."""
    value += tf.constant(0x9E3779B97F4A7C15, tf.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        shifted = tf.bitwise.right_shift(value, tf.constant(shift, tf.uint64))
        value = tf.bitwise.bitwise_xor(value, shifted) * tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(value, tf.bitwise.right_shift(value, tf.constant(31, tf.uint64)))
