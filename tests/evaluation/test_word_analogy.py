"""Tests of sslkeras.evaluation.word_analogy."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.errors import DataError
from sslkeras.evaluation import word_analogy
from sslkeras.evaluation.probe import Subject
from sslkeras.evaluation.word_analogy import WordAnalogy, analogy_scores, answers
from sslkeras.evaluation.word_vectors import WordVectors

WORDS = ["king", "man", "woman", "queen", "apple"]
VECTORS = [[0.8, 0.6, 0], [0.6, 0, 0.8], [0, 0.1, 1], [0.2, 0.7, 0.5], [-1, 0, 0.1]]
UNIT = WordVectors(WORDS, VECTORS).unit


def test_scores_have_the_worked_values():
    # man : king = woman : ?
    scores = analogy_scores(UNIT, np.array([[1, 0, 2]]))

    np.testing.assert_allclose(
        scores["3CosAdd"][0],
        [0.76962891, 0.36646483, 0.35005896, 0.94279052, -0.23844267],
        atol=1e-6,
    )
    assert float(scores["3CosMul"][0, 3]) == pytest.approx(0.85513124, abs=1e-6)
    assert answers(UNIT, np.array([[1, 0, 2]]))["3CosAdd"].tolist() == [3]


def test_dot_products_with_the_sum_have_the_worked_values():
    rows = [[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1], [0.1, 0.7, 0.7], [0, 0.6, 0.8]]
    unit = WordVectors(list("abcde"), rows).unit
    question = np.array([[0, 1, 2]])
    length = np.linalg.norm(unit[1] - unit[0] + unit[2])

    scores = analogy_scores(unit, question)["3CosAdd"][0]

    np.testing.assert_allclose(scores * length, [-0.2, 0.2, 1, 1.1055415968, 1.16], atol=1e-6)
    assert answers(unit, question)["3CosAdd"].tolist() == [4]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 9))
def test_answers_equal_brute_force(seed, num_words):
    generator = np.random.default_rng(seed)
    unit = WordVectors([str(i) for i in range(num_words)], generator.normal(size=(num_words, 3)))
    unit = unit.unit
    questions = np.array([generator.permutation(num_words)[:3] for _ in range(6)])

    found = answers(unit, questions)

    for row, (a, b, c) in enumerate(questions):
        others = [x for x in range(num_words) if x not in (a, b, c)]
        add = {x: unit[x] @ (unit[b] - unit[a] + unit[c]) for x in others}
        shifted = (unit @ unit.T + 1) / 2
        mul = {x: shifted[x, b] * shifted[x, c] / (shifted[x, a] + 1e-3) for x in others}
        near = {x: unit[x] @ unit[c] for x in others}
        for name, scores in (("3CosAdd", add), ("3CosMul", mul), ("nearest to c", near)):
            assert scores[found[name][row]] == pytest.approx(max(scores.values()), abs=1e-5)


def test_chunks_do_not_change_the_answers(monkeypatch):
    questions = np.array([[1, 0, 2], [2, 1, 0], [3, 4, 0]])
    whole = answers(UNIT, questions)

    monkeypatch.setattr(word_analogy, "_CHUNK", 30)  # Two questions at a time.

    for name, found in answers(UNIT, questions).items():
        np.testing.assert_array_equal(found, whole[name])


SUBJECT = Subject(
    "pretrained",
    None,
    "tokens",
    None,
    task=types.SimpleNamespace(word_vectors=lambda model: (WORDS, np.array(VECTORS))),
)


def test_accuracy_is_of_answerable_questions(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(
        ": family\nMan king woman queen\nman king woman apple\n: other\nman king woman emperor\n"
        "man woman king queen\n"
    )

    result = WordAnalogy(path=str(path)).run(SUBJECT, 0)

    assert result["coverage"] == 0.75
    assert result["questions"] == 3
    assert result["3CosAdd"] == pytest.approx(2 / 3)
    assert result["3CosAdd, family"] == 0.5
    assert result["3CosMul, other"] == 1.0
    assert 0 <= result["nearest to c"] <= 1


def test_output_vectors_can_be_added(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("man king woman queen\n")
    words, matrix = SUBJECT.task.word_vectors(None)
    # With these two exchanged the question has another answer.
    row = {word: number for number, word in enumerate(words)}
    other = matrix.copy()
    other[[row["queen"], row["apple"]]] = matrix[[row["apple"], row["queen"]]]
    task = types.SimpleNamespace(
        word_vectors=lambda model: (words, matrix), output_word_vectors=lambda model: other - matrix
    )
    judged = Subject("pretrained", None, "tokens", None, task=task)

    right = {
        kind: WordAnalogy(path=str(path), vectors=kind).run(judged, 0)["3CosAdd"]
        for kind in ("input", "sum")
    }

    assert right == {"input": 1.0, "sum": 0.0}


def test_rare_words_can_be_left_out(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("man king woman queen\nman king woman apple\n")

    assert WordAnalogy(path=str(path), most_frequent=4).run(SUBJECT, 0)["coverage"] == 0.5


def test_lists_without_overlap_are_refused(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("homme roi femme reine\n")

    with pytest.raises(DataError, match="none of 1 questions .* among the task's 5. Choose"):
        WordAnalogy(path=str(path)).run(SUBJECT, 0)
