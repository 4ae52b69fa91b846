"""Texts small enough for tests: each word is followed by one of two, in pieces."""

import numpy as np

from sslkeras.datasets import ArraySplit, Given

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##c", "d", "##e", "f", "g")
WORDS = ("<pad>", "<unk>", "a", "b", "c", "d", "e", "f", "g")


def small_texts(vocabulary=PIECES, *, length=10, train=48, test=20, first=5):
    """A `Given` with `tokens`, `num_tokens`, `frequency`, `begins_word` and `label`."""

    def texts(count, seed):
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
        return {
            "tokens": tokens.astype(np.int32),
            "num_tokens": num_tokens,
            "begins_word": begins[tokens],
            "label": (tokens[:, 0] % 2).astype(np.int32),
        }

    train, test = texts(train, 0), texts(test, 1)
    real = train["tokens"][np.arange(length) < train["num_tokens"][:, None]]
    counts = np.bincount(real, minlength=len(vocabulary))
    for part in (train, test):
        part["frequency"] = (counts / counts.sum()).astype(np.float32)[part["tokens"]]
    data = Given(ArraySplit(train), ArraySplit(test), label_names=("even", "odd"))
    data.vocabulary, data.token_counts = vocabulary, counts
    return data
