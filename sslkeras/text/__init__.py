"""Texts as numbers: tokenisers with their vocabulary, phrases, and token ids on disk."""

from sslkeras.text.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
