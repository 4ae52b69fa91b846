"""Tokens that a pretext puts in the place of others, without knowing the vocabulary."""

import keras
import numpy as np
import tensorflow as tf

# Below all ids.
PAD, MASK = -1, -2
_RANDOM = -3
_DRAWS = 2**24


def random_codes(drawn):
    """The code of a token at random for each float32 of `drawn` in [0, 1)."""
    return _RANDOM - tf.cast(drawn * _DRAWS, tf.int32)


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class WithheldTokens(keras.layers.Layer):
    """Turns the codes of a pretext into ids of the vocabulary, and leaves ids as they are.

    `PAD` becomes the id of padding, `MASK` that of [MASK], and a code of `random_codes` a token
    of the vocabulary, all equally likely.

    Args:
        vocab_size: Number of tokens.
        pad: Id of padding.
        mask: Id of [MASK].
        special: Ids that no random token may be.
    """

    def __init__(self, vocab_size, pad, mask, special=(), **kwargs):
        super().__init__(**kwargs)
        self.vocab_size, self.pad, self.mask = int(vocab_size), int(pad), int(mask)
        self.special = tuple(sorted({int(token) for token in special}))

    def call(self, codes):
        others = self.vocab_size - len(self.special)
        # floor(u * others), as a remainder would favour the first ids.
        drawn = tf.cast(_RANDOM - codes, tf.float32) / _DRAWS
        token = tf.cast(drawn * others, codes.dtype)
        for special in self.special:
            token += tf.cast(token >= special, codes.dtype)
        token = tf.where(codes == MASK, self.mask, token)
        token = tf.where(codes == PAD, self.pad, token)
        return tf.where(codes >= 0, codes, token)

    def get_config(self):
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "pad": self.pad,
            "mask": self.mask,
            "special": self.special,
        }


def as_text(tokens, vocabulary):
    """Text of one array of ids: pieces joined, padding left out."""
    words = []
    for token in np.asarray(tokens):
        piece = piece_of(token, vocabulary)
        if piece.startswith("##") and words:
            words[-1] += piece[2:]
        elif piece not in ("[PAD]", "<pad>"):
            words.append(piece)
    return " ".join(words)


def piece_of(token, vocabulary):
    """A token as text; its number without a vocabulary."""
    if vocabulary is None:
        return str(int(token))
    piece = vocabulary[int(token)]
    return piece.decode("utf-8", "replace") if isinstance(piece, bytes) else str(piece)
