"""Token ids of a split on disk: written as they come, read where they lie."""

import pathlib

import numpy as np

# Tokens that are held before they are written, and at a time when they are read.
CHUNK = 1 << 22


class TokenWriter:
    """Writes documents one after the other.

    Args:
        folder: Where the files are put.
        name: How they begin, "train" or "test".
    """

    def __init__(self, folder, name):
        self._path = pathlib.Path(folder, name)
        self._file = open(f"{self._path}.tokens", "wb")
        self._waiting, self._count, self._total = [], 0, 0
        self._ends, self._labels = [], []

    def add(self, tokens):
        """Goes on with the document at hand: int32 `(tokens,)`."""
        self._waiting.append(tokens)
        self._count += len(tokens)
        self._total += len(tokens)
        if self._count >= CHUNK:
            self._flush()

    def end_document(self, label=-1):
        self._ends.append(self._total)
        self._labels.append(label)

    def end_documents(self, ends, labels):
        """Several at once: int64 `(documents,)` tokens before each end, int32 labels."""
        self._ends.extend(ends.tolist())
        self._labels.extend(labels.tolist())

    def _flush(self):
        if self._waiting:
            np.concatenate(self._waiting).astype("<i4").tofile(self._file)
        self._waiting, self._count = [], 0

    def close(self):
        self._flush()
        self._file.close()
        np.save(f"{self._path}.ends.npy", np.array(self._ends, np.int64))
        np.save(f"{self._path}.labels.npy", np.array(self._labels, np.int32))


class Tokens:
    """What a `TokenWriter` wrote.

    Attributes:
        tokens: int32 `(tokens,)`, mapped into memory.
        ends: int64 `(documents,)`: tokens up to the end of each.
        labels: int32 `(documents,)`; -1 without a label.
    """

    def __init__(self, folder, name):
        path = pathlib.Path(folder, name)
        tokens = pathlib.Path(f"{path}.tokens")
        # An empty file cannot be mapped.
        if tokens.stat().st_size:
            self.tokens = np.memmap(tokens, "<i4", mode="r")
        else:
            self.tokens = np.zeros(0, np.int32)
        self.ends = np.load(f"{path}.ends.npy")
        self.labels = np.load(f"{path}.labels.npy")

    def chunks(self):
        """Pieces of the tokens in order, each an array of its own."""
        for begin in range(0, len(self.tokens), CHUNK):
            yield np.array(self.tokens[begin : begin + CHUNK])

    def counts(self, size) -> np.ndarray:
        """int64 `(size,)`: how often each id occurs."""
        total = np.zeros(size, np.int64)
        for chunk in self.chunks():
            total += np.bincount(chunk, minlength=size)
        return total
