"""Tests of sslkeras.evaluation.word_vectors."""

import types

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.word_vectors import WordVectors, vectors_of


def subject(words, matrix):
    task = types.SimpleNamespace(word_vectors=lambda model: (words, matrix + model))
    return types.SimpleNamespace(task=task, model=1.0)


def test_rows_have_unit_length_and_are_found_by_word():
    vectors = WordVectors(["a", b"b", "zero", "a"], [[3, 4], [0, 2], [0, 0], [1, 0]])

    np.testing.assert_allclose(vectors.rows(["b", "a", "zero"]), [[0, 1], [0.6, 0.8], [0, 0]])
    assert "b" in vectors and "c" not in vectors


def test_the_task_gives_words_and_vectors_of_its_model():
    given = subject(["A", "b", "c"], np.array([[2.0, 3.0], [0, 0], [0, 1]]))

    vectors = vectors_of(given, "word_similarity", lowercase=True, most_frequent=2)

    assert vectors.words == ["a", "b"]
    np.testing.assert_allclose(vectors.rows(["a"]), [[0.6, 0.8]])


def test_vectors_by_which_words_are_told_are_added():
    given = subject(["a", "b"], np.array([[2.0, 3.0], [0, 0]]))
    given.task.output_word_vectors = lambda model: np.array([[-3.0, 0], [0, 2]]) * model

    alone = vectors_of(given, "word_similarity", most_frequent=1)
    both = vectors_of(given, "word_similarity", most_frequent=1, kind="sum")

    np.testing.assert_allclose(alone.unit, [[0.6, 0.8]])
    np.testing.assert_allclose(both.unit, [[0, 1]])
    assert both.words == ["a"]


def test_output_vectors_that_are_missing_or_of_another_shape_are_refused():
    given = subject(["a"], np.array([[2.0, 3.0]]))
    with pytest.raises(ConfigurationError, match=r"with the method `output_word_vectors\(model\)"):
        vectors_of(given, "word_similarity", kind="sum")
    given.task.output_word_vectors = lambda model: np.ones((1, 3))
    with pytest.raises(DataError, match=r"Received: \(1, 3\) and \(1, 2\)"):
        vectors_of(given, "word_similarity", kind="sum")


def test_wrong_vectors_are_refused():
    with pytest.raises(DataError, match=r"a row for each word. Received: 1 words.*\(2, 2\)"):
        WordVectors(["a"], np.zeros((2, 2)))
    with pytest.raises(DataError, match="NaN or infinity in 1 of 2 rows"):
        WordVectors(["a", "b"], np.array([[0, np.nan], [1, 2]]))
    with pytest.raises(ConfigurationError, match=r"needs a task.*`word_vectors\(model\).*no task"):
        vectors_of(types.SimpleNamespace(task=None, model=None), "word_similarity")
