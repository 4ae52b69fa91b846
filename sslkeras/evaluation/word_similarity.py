"""Word similarity: does the cosine of two words rank pairs as people do?

L. Finkelstein et al., "Placing Search in Context: The Concept Revisited", ACM Transactions
on Information Systems, 2002 (WordSim-353). F. Hill, R. Reichart, A. Korhonen, "SimLex-999:
Evaluating Semantic Models with (Genuine) Similarity Estimation", Computational Linguistics,
2015.
"""

import numpy as np
from scipy.stats import rankdata

from sslkeras.errors import DataError
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.word_lists import read_pairs
from sslkeras.evaluation.word_vectors import KINDS, vectors_of
from sslkeras.hyperparameters import Boolean, Choice, Text


class WordSimilarity(Probe):
    """Spearman's rank correlation of cosines with the scores that people gave.

    Equal values get their average rank. Pairs with an unknown word are left out; the share
    of the others is reported as "coverage". Baseline: 0, what constant or random vectors
    have, reported as "chance"; compare with "random init" for its spread.

    The task offers `word_vectors(model)`, which returns the words and an array `(words,
    features)`.

    Args:
        path: File of word pairs; see `word_lists.read_pairs`.
        lowercase: Whether the words of file and task are compared in lower case.
        vectors: "input": the vector by which a word tells others. "sum": the one by which it is
            told is added, which the task offers as `output_word_vectors(model)`, an array like
            that of `word_vectors`.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {
        "path": Text("the path of a file of word pairs"),
        "lowercase": Boolean(),
        "vectors": Choice(*KINDS),
    }

    def __init__(self, *, path, lowercase=True, vectors="input"):
        super().__init__(path=path, lowercase=lowercase, vectors=vectors)

    def run(self, subject, seed):
        """Correlates; nothing is random.

        Returns:
            "Spearman", "coverage", "pairs" and "chance".
        """
        pairs = read_pairs(self.path, self.lowercase)
        vectors = vectors_of(subject, "word_similarity", self.lowercase, kind=self.vectors)
        known = [pair for pair in pairs if pair[0] in vectors and pair[1] in vectors]
        if len(known) < 2:
            raise DataError(
                "Word similarity needs two or more pairs of known words. Received: "
                f"{len(known)} of {len(pairs)} pairs of {self.path} with both words among the "
                f"task's {len(vectors.words)}. Choose another word list, or `lowercase`."
            )
        first, second, human = zip(*known)
        cosines = (vectors.rows(first) * vectors.rows(second)).sum(axis=-1)
        correlation = spearman(human, cosines)
        if np.isnan(correlation):
            raise DataError(
                "Word similarity needs scores and cosines that differ from pair to pair. "
                f"Received: {'equal scores' if len(set(human)) == 1 else 'equal cosines'} for "
                f"all {len(known)} known pairs. Look for collapsed vectors or another word list."
            )

        def neighbours():
            from sslkeras.pictures.words import draw_word_neighbours

            words = [word for pair in known for word in pair[:2]]
            return draw_word_neighbours(vectors, words, f"Nearest words ({subject.name})")

        def similarities():
            from sslkeras.pictures.words import draw_similarities

            title = f"Spearman {correlation:.2f} ({subject.name})"
            return draw_similarities(known, cosines, title)

        subject.picture(
            "neighbours", neighbours, "Words of the list and those with the largest cosine."
        )
        subject.picture(
            "similarity",
            similarities,
            "A dot for each pair; named are those that people and vectors rank most differently.",
        )
        return {
            "Spearman": correlation,
            "coverage": len(known) / len(pairs),
            "pairs": float(len(known)),
            "chance": 0.0,
        }


def spearman(first, second) -> float:
    """Spearman's rank correlation with average ranks for ties; NaN if either is constant."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    scale = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float(ranks[0] @ ranks[1] / scale) if scale else float("nan")
