"""Tests of sslkeras.evaluation.word_similarity."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from sslkeras import registry
from sslkeras.errors import DataError
from sslkeras.evaluation.probe import Subject
from sslkeras.evaluation.word_similarity import WordSimilarity, spearman


@pytest.mark.parametrize(
    "human, cosines, expected",
    [
        ([9, 7.5, 3, 1, 5], [0.8, 0.9, 0.1, 0.2, 0.4], 0.8),
        ([1, 2, 2, 3], [0.1, 0.5, 0.2, 0.9], 0.94868330),
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826817),
    ],
)
def test_the_correlation_has_the_worked_values(human, cosines, expected):
    assert spearman(human, cosines) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=3, max_size=12))
def test_the_correlation_agrees_with_scipy(pairs):
    first, second = zip(*pairs)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert np.isnan(spearman(first, second))
    else:
        assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def subject(words, matrix):
    task = types.SimpleNamespace(word_vectors=lambda model: (words, np.asarray(matrix, float)))
    return Subject("pretrained", None, "tokens", None, task=task)


SUBJECT = subject(["king", "queen", "apple"], [[1, 0], [2, 1], [-1, 5]])


def test_pairs_with_an_unknown_word_are_left_out_and_counted(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("King,queen,9\nqueen,apple,4\nking,apple,2\nking,emperor,10\n")

    result = WordSimilarity(path=str(path)).run(SUBJECT, 0)

    assert result == {"Spearman": 1.0, "coverage": 0.75, "pairs": 3.0, "chance": 0.0}


def test_output_vectors_can_be_added(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("king,queen,9\nqueen,apple,4\nking,apple,2\n")
    judged = subject(["king", "queen", "apple"], [[1, 0], [2, 1], [-1, 5]])
    # Now it is the apple that lies beside the king.
    judged.task.output_word_vectors = lambda model: np.array([[0.0, 9], [9, -9], [0, 9]])

    assert WordSimilarity(path=str(path)).run(judged, 0)["Spearman"] == 1.0
    assert WordSimilarity(path=str(path), vectors="sum").run(judged, 0)["Spearman"] == -0.5


def test_lists_without_overlap_are_refused(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("king,queen,9\nroi,reine,9\n")

    with pytest.raises(DataError, match="1 of 2 pairs .* among the task's 3. Choose another"):
        WordSimilarity(path=str(path)).run(SUBJECT, 0)


def test_collapsed_vectors_are_refused(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("king,queen,9\nqueen,apple,4\n")

    with pytest.raises(DataError, match="Received: equal cosines for all 2 known pairs"):
        WordSimilarity(path=str(path)).run(subject(["king", "queen", "apple"], [[1, 0]] * 3), 0)


def test_the_config_makes_an_equal_probe(tmp_path):
    probe = registry.probes.create("word_similarity(path='pairs.csv', lowercase=False)")

    assert WordSimilarity(**probe.get_config()).get_config() == probe.get_config()
