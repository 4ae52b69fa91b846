"""A language of 20 words in 4 groups, where a word's neighbours are of its own group."""

import numpy as np

from sslkeras.datasets import ArraySplit, Given

_GROUPS, _WORDS = 4, 5


def grouped_words(length=12, texts=200):
    """A `Given` of texts of one group each, with "<pad>" and "<unk>" before the words."""
    random = np.random.default_rng(0)
    group = random.integers(_GROUPS, size=(texts, 1))
    tokens = (2 + group * _WORDS + random.integers(_WORDS, size=(texts, length))).astype(np.int32)
    data = Given(ArraySplit({"tokens": tokens, "num_tokens": np.full(texts, length, np.int32)}))
    names = [f"{'abcd'[group]}{word}" for group in range(_GROUPS) for word in range(_WORDS)]
    data.vocabulary = ("<pad>", "<unk>", *names)
    data.token_counts = np.bincount(tokens.ravel(), minlength=len(data.vocabulary))
    return data


def share_of_own_group(run):
    """For how many words the word with the greatest cosine is of their own group."""
    _, vectors = run.task.word_vectors(run.model)
    unit = vectors[2:] / np.linalg.norm(vectors[2:], axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    return np.mean(cosine.argmax(axis=1) // _WORDS == np.arange(_GROUPS * _WORDS) // _WORDS)
