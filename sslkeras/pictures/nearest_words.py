"""Words that a run asks for, or some frequent ones, with the words nearest to them."""

import numpy as np

from sslkeras import report
from sslkeras.errors import ConfigurationError
from sslkeras.evaluation.word_vectors import WordVectors, text_of
from sslkeras.notation import suggest
from sslkeras.pictures.words import NEIGHBOURS, draw_word_neighbours

# Ranks by frequency, of words that mean something and are known well.
_FIRST, _LAST, _LETTERS = 50, 2000, 4


def check(run, words):
    """Refuses words that are not there.

    Raises:
        ConfigurationError: If the vocabulary lacks one of them.
    """
    known = list(map(text_of, run.task.word_vectors(run.model)[0]))
    for word in words:
        if word not in known:
            raise ConfigurationError(
                f"`words` must be in the vocabulary of the run. Received: {word!r}."
                + (suggest(word, known) or " Ask for another one.")
            )


def draw(run, folder, examples, seed, words=None):
    """Writes nearest_words.png, a word a row, and says the same in words.

    Args:
        run: A run whose task has `word_vectors`.
        folder: Where to write.
        examples: How many words are chosen where none are given.
        seed: Which.
        words: The words, which `check` let pass.
    """
    vectors = WordVectors(*run.task.word_vectors(run.model))
    words = list(words or _chosen(vectors.words, examples, seed))
    for word in words:
        near = (f"{other} {cosine:.2f}" for other, cosine in vectors.nearest(word, NEIGHBOURS))
        report.say(f"{word}: {', '.join(near)}")
    return [draw_word_neighbours(vectors, words, "Nearest words").save(folder, "nearest_words")]


def _chosen(words, count, seed):
    """Words of some letters among the frequent ones, the most frequent first."""
    frequent = [rank for rank, word in enumerate(words) if len(word) >= _LETTERS and word.isalpha()]
    known = [rank for rank in frequent if _FIRST <= rank < _LAST] or frequent or range(len(words))
    drawn = np.random.default_rng(seed).permutation(known)[:count]
    return [words[rank] for rank in sorted(drawn)]
