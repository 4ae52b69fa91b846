"""Texts small enough for tests: each word is followed by one of two, in pieces."""

import numpy as np

from sslkeras.datasets import ArraySplit, Given

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##c", "d", "##e", "f", "g")
WORDS = ("<pad>", "<unk>", "a", "b", "c", "d", "e", "f", "g")


def small_texts(vocabulary=PIECES, *, length=10, train=48, test=20, first=5):
    """A `Given` with `tokens`, `num_tokens`, `begins_word` and `label`."""

    def split(count, seed):
        random = np.random.default_rng(seed)
        kinds = len(vocabulary) - first
        tokens = np.zeros((count, length), np.int32)
        tokens[:, 0] = random.integers(kinds, size=count)
        for place in range(1, length):
            step = random.integers(1, 3, size=count)
            tokens[:, place] = (tokens[:, place - 1] * 2 + step) % kinds
        num_tokens = random.integers(length // 2, length + 1, size=count).astype(np.int32)
        tokens = np.where(np.arange(length) < num_tokens[:, None], tokens + first, 0)
        begins = np.array([not word.startswith("##") for word in vocabulary])
        return ArraySplit(
            {
                "tokens": tokens.astype(np.int32),
                "num_tokens": num_tokens,
                "begins_word": begins[tokens],
                "label": (tokens[:, 0] % 2).astype(np.int32),
            }
        )

    data = Given(split(train, 0), split(test, 1), label_names=("even", "odd"))
    data.vocabulary = vocabulary
    return data
