"""How likely an occurrence of a word is kept, by how frequent the word is.

T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, "Distributed Representations of Words
and Phrases and their Compositionality", NIPS 2013, eq. 5; and its released code.
"""

import tensorflow as tf

RULES = ("c_code", "paper")


def keep_probability(frequency, threshold, rule):
    """In [0, 1], for words of share f in the text and the threshold t.

        "paper":   sqrt(t / f)
        "c_code":  sqrt(t / f) + t / f

    Args:
        frequency: float32, any shape; 0 for what is no word, which is always kept.
        threshold: t, > 0.
        rule: One of `RULES`.
    """
    share = tf.math.divide_no_nan(tf.cast(threshold, frequency.dtype), frequency)
    kept = tf.sqrt(share)
    if rule == "c_code":
        kept += share
    return tf.where(frequency > 0, tf.minimum(kept, 1.0), 1.0)
