"""Texts as numbers: tokenisers with their vocabulary, phrases, token ids on disk, word vectors."""

from sslkeras.text.tokenizer import Tokenizer
from sslkeras.text.word2vec_format import save_word_vectors

__all__ = ["Tokenizer", "save_word_vectors"]
