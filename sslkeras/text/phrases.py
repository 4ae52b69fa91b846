"""Pairs of words that are one: "new york".

T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, "Distributed Representations of Words
and Phrases and their Compositionality", NIPS 2013, section 4; released tool word2phrase.
"""

import numpy as np

_SHIFT = 32
# Between the words of a phrase.
JOINT = "_"


def phrase_score(pair, first, second, *, discount, total):
    """(count(ab) - discount) / (count(a) count(b)) * total, as in the released tool.

    Args:
        pair, first, second: Counts of the pair and of its words.
        discount: Delta, which keeps rare words from making phrases.
        total: Words of the text.
    """
    return (pair - discount) / (np.asarray(first, np.float64) * second) * total


def pair_keys(tokens):
    """int64 `(tokens - 1,)`: a number for each pair of neighbours."""
    tokens = tokens.astype(np.int64)
    return (tokens[:-1] << _SHIFT) | tokens[1:]


def pair_of(keys):
    """The first and the second word of each key."""
    return keys >> _SHIFT, keys & ((1 << _SHIFT) - 1)


class PairCounts:
    """How often each pair of neighbours occurs, chunk by chunk."""

    def __init__(self):
        self.keys = np.zeros(0, np.int64)
        self.counts = np.zeros(0, np.int64)

    def add(self, keys):
        keys, counts = np.unique(keys, return_counts=True)
        keys = np.concatenate([self.keys, keys])
        counts = np.concatenate([self.counts, counts])
        self.keys, place = np.unique(keys, return_inverse=True)
        self.counts = np.bincount(place, counts, len(self.keys)).astype(np.int64)

    def phrases(self, counts, *, threshold, discount, min_count):
        """Sorted keys of the pairs that score above `threshold`.

        Args:
            counts: int64 `(words,)`: of each word.
            threshold: See `phrase_score`.
            discount: See `phrase_score`.
            min_count: Rarer words make no phrase.
        """
        first, second = (counts[word] for word in pair_of(self.keys))
        score = phrase_score(self.counts, first, second, discount=discount, total=int(counts.sum()))
        return self.keys[(score > threshold) & (first >= min_count) & (second >= min_count)]


def first_of_phrase(joins):
    """Which pairs are joined, where a word just joined does not begin another phrase.

    Args:
        joins: bool `(pairs,)`: whether the pair that begins at each word is a phrase.

    Returns:
        bool `(pairs,)`: of each run of overlapping pairs the first, third, fifth, ...
    """
    begins = joins & ~np.concatenate([[False], joins[:-1]])
    place = np.arange(len(joins))
    begin = np.maximum.accumulate(np.where(begins, place, 0))
    return joins & ((place - begin) % 2 == 0)


def join_words(words, pairs):
    """`words` with each pair of `pairs` as one word, from left to right."""
    joins = np.array([pair in pairs for pair in zip(words, words[1:])], bool)
    if not joins.any():
        return words
    joined, skip = [], False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif place < len(joins) and joins[place]:
            joined.append(f"{word}{JOINT}{words[place + 1]}")
            skip = True
        else:
            joined.append(word)
    return joined
