"""Word vectors of a task, by word, with unit length."""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.task_method import task_method

SIGNATURE = "word_vectors(model) -> (words, matrix)"
OUTPUT_SIGNATURE = "output_word_vectors(model) -> matrix"
# What stands for a word that has a vector where it is given and another where it is predicted. The
# other one alone is not offered: it begins with zeros, so that there is no random one beside it.
KINDS = ("input", "sum")


class WordVectors:
    """Rows of unit length, found by word; the first of words that are equal counts.

    Args:
        words: Strings, the most frequent first where the task knows.
        matrix: float `(words, features)`. A row of zeros stays so: it is like no word.

    Raises:
        DataError: If the numbers of words and rows differ or a row is not finite.
    """

    def __init__(self, words, matrix):
        words = [text_of(word) for word in words]
        matrix = np.asarray(matrix)
        if matrix.ndim != 2 or len(words) != len(matrix):
            raise DataError(
                "`word_vectors` must give a row for each word. Received: "
                f"{len(words)} words and an array {matrix.shape}. Correct the task's method."
            )
        bad = int((~np.isfinite(matrix).all(axis=-1)).sum())
        if bad:
            raise DataError(
                f"Word vectors must be finite. Received: NaN or infinity in {bad} of {len(words)} "
                "rows. Look for a diverged training."
            )
        length = np.linalg.norm(matrix, axis=-1, keepdims=True)
        self.words = words
        self.unit = (matrix / np.where(length == 0, 1.0, length)).astype(np.float32)
        self._index = {}
        for index, word in enumerate(words):
            self._index.setdefault(word, index)

    def __contains__(self, word):
        return word in self._index

    def index(self, word) -> int:
        """Row of a word."""
        return self._index[word]

    def nearest(self, word, count) -> list:
        """The `count` other words with the largest cosine, as `(word, cosine)`."""
        cosines = self.unit @ self.unit[self._index[word]]
        order = np.argsort(-cosines, kind="stable")[: count + 1]
        found = [(self.words[row], float(cosines[row])) for row in order]
        return [pair for pair in found if pair[0] != word][:count]

    def rows(self, words):
        """float32 `(words, features)`, each of unit length."""
        return self.unit[[self._index[word] for word in words]]


def vectors_of(subject, probe, lowercase=False, most_frequent=None, kind="input") -> WordVectors:
    """Word vectors of the subject's task and model.

    Args:
        subject: The `Subject`.
        probe: Name of the probe, for the message.
        lowercase: Whether words of the task are compared in lower case.
        most_frequent: How many of the first words are kept; None for all.
        kind: One of `KINDS`. "sum" adds the task's `output_word_vectors`.

    Raises:
        ConfigurationError: If the task lacks one of the methods.
        DataError: If output vectors are not as many and as wide as the others.
    """
    words, matrix = task_method(subject, probe, SIGNATURE)(subject.model)
    matrix = np.asarray(matrix)
    if kind == "sum":
        other = np.asarray(task_method(subject, probe, OUTPUT_SIGNATURE)(subject.model))
        if other.shape != matrix.shape:
            raise DataError(
                "`output_word_vectors` must give an array like that of `word_vectors`. Received: "
                f"{other.shape} and {matrix.shape}. Correct the task's method."
            )
        matrix = matrix + other
    words, matrix = list(words)[:most_frequent], matrix[:most_frequent]
    if lowercase:
        words = [text_of(word).lower() for word in words]
    return WordVectors(words, matrix)


def text_of(word) -> str:
    """A word of a vocabulary, which may be of bytes."""
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
