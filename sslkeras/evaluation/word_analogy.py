"""Word analogies: a is to b as c is to which word?

T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations in
Vector Space", 2013, https://arxiv.org/abs/1301.3781 (3CosAdd and the question set). O. Levy,
Y. Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations", CoNLL
2014 (3CosMul).
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.word_lists import read_analogies
from sslkeras.evaluation.word_vectors import KINDS, vectors_of
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Text

EPSILON = 1e-3  # Of the quotient in 3CosMul.
_DRAWN = 12  # Questions in a picture.
# Cosines held at a time: 2^24 floats are 64 MB.
_CHUNK = 2**24


class WordAnalogy(Probe):
    """Share of questions `a : b = c : ?` whose expected word comes first.

    With unit vectors the answer is the word x other than a, b and c with the largest

        3CosAdd:  cos(x, b - a + c)
        3CosMul:  cos'(x, b) cos'(x, c) / (cos'(x, a) + 0.001),  cos' = (cos + 1) / 2

    Questions with an unknown word are left out; the share of the others is reported as
    "coverage". Baseline: "nearest to c", the word most like c, which needs no arithmetic.

    The task offers `word_vectors(model)`, which returns the words, most frequent first, and
    an array `(words, features)`.

    Args:
        path: File of questions; see `word_lists.read_analogies`.
        lowercase: Whether the words of file and task are compared in lower case.
        most_frequent: How many of the task's first words can be asked for and answered (30,000
            is customary); None for all.
        vectors: "input" or "sum", as of `word_similarity`.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {
        "path": Text("the path of a file of analogies"),
        "lowercase": Boolean(),
        "most_frequent": Optional(Integer(4), "all words"),
        "vectors": Choice(*KINDS),
    }

    def __init__(self, *, path, lowercase=True, most_frequent=None, vectors="input"):
        super().__init__(
            path=path, lowercase=lowercase, most_frequent=most_frequent, vectors=vectors
        )

    def run(self, subject, seed):
        """Answers the questions; nothing is random.

        Returns:
            "3CosAdd", "3CosMul", "nearest to c", "coverage" and "questions"; with several
            sections also "3CosAdd, SECTION" and "3CosMul, SECTION".
        """
        questions = read_analogies(self.path, self.lowercase)
        vectors = vectors_of(
            subject, "word_analogy", self.lowercase, self.most_frequent, self.vectors
        )
        known = [q for q in questions if all(word in vectors for word in q[1:])]
        if not known:
            raise DataError(
                "Analogies need questions of known words. Received: none of "
                f"{len(questions)} questions of {self.path} with all words among the task's "
                f"{len(vectors.words)}. Choose another word list, `most_frequent` or `lowercase`."
            )
        indices = np.array([[vectors.index(word) for word in q[1:]] for q in known])
        answered = answers(vectors.unit, indices[:, :3])
        right = {name: found == indices[:, 3] for name, found in answered.items()}

        def draw():
            from sslkeras.pictures.words import draw_answers

            rows = np.unique(np.linspace(0, len(known) - 1, _DRAWN).round().astype(int))
            title = f"Analogies by 3CosAdd ({subject.name})"
            return draw_answers(vectors, indices[rows], answered["3CosAdd"][rows], title)

        subject.picture("answers", draw, "Some questions with the word wanted and the answer.")
        result = {name: float(hits.mean()) for name, hits in right.items()}
        result |= {"coverage": len(known) / len(questions), "questions": float(len(known))}
        sections = np.array([q[0] for q in known])
        names = list(dict.fromkeys(sections))
        for section in names if len(names) > 1 else ():
            for name in ("3CosAdd", "3CosMul"):
                result[f"{name}, {section}"] = float(right[name][sections == section].mean())
        return result


def answers(unit, questions):
    """The word that each rule answers, of those that the question does not name.

    Args:
        unit: float32 `(words, features)`, rows of unit length.
        questions: int `(questions, 3)`, indices of a, b and c.

    Returns:
        int64 `(questions,)` for each of "3CosAdd", "3CosMul" and "nearest to c". Of equally
        good words the first.
    """
    table = tf.constant(unit, tf.float32)
    found = {"3CosAdd": [], "3CosMul": [], "nearest to c": []}
    chunk = max(1, _CHUNK // (3 * len(unit)))
    for start in range(0, len(questions), chunk):
        part = questions[start : start + chunk]
        scores = analogy_scores(table, part)
        # The words of the question score less than any other.
        named = tf.reduce_any(
            tf.one_hot(part, len(unit), on_value=True, off_value=False, dtype=tf.bool), axis=1
        )
        for name, score in scores.items():
            score = tf.where(named, -np.inf, score)
            found[name].append(tf.argmax(score, axis=-1).numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def analogy_scores(unit, questions):
    """Scores of all words, for each rule.

    Args:
        unit: float32 `(words, features)`, rows of unit length.
        questions: int `(questions, 3)`, indices of a, b and c.

    Returns:
        float32 `(questions, words)` for each of "3CosAdd" (a cosine), "3CosMul" and "nearest
        to c" (a cosine).
    """
    a, b, c = (tf.gather(unit, questions[:, i]) for i in range(3))
    to_a, to_b, to_c = (tf.matmul(x, unit, transpose_b=True) for x in (a, b, c))
    # cos(x, b - a + c) is the sum of cosines, but for the length of b - a + c.
    length = tf.norm(b - a + c, axis=-1, keepdims=True)
    shifted_a, shifted_b, shifted_c = ((cosine + 1) / 2 for cosine in (to_a, to_b, to_c))
    return {
        "3CosAdd": tf.math.divide_no_nan(to_b - to_a + to_c, length),
        "3CosMul": shifted_b * shifted_c / (shifted_a + EPSILON),
        "nearest to c": to_c,
    }
