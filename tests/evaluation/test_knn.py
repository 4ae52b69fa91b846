"""Tests of sslkeras.evaluation.knn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from sslkeras.errors import DataError
from sslkeras.evaluation import knn
from sslkeras.evaluation.knn import KNN, votes
from tests.evaluation.tables import classified

BANK = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
LABELS = np.array([0, 1, 1, 0])
QUERY = np.array([[0.6, 0.8]], np.float32)


@pytest.mark.parametrize(
    "temperature, expected",
    [(0.07, [5278.66536, 995640.39226]), (1.0, [1.82211880, 4.83723740])],
)
def test_scores_are_sums_of_exponentials(temperature, expected):
    # Similarities .6, .96, .8, -.6; the three largest vote: exp(.6/t) and exp(.96/t) + exp(.8/t).
    scores = votes(BANK, LABELS, QUERY, 2, k=3, temperature=temperature)

    # Scores are relative to the nearest neighbour's weight. float32: exp(x/.07) amplifies.
    np.testing.assert_allclose(scores[0] * np.exp(0.96 / temperature), expected, rtol=2e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25), st.sampled_from([0.07, 0.5, 1.0]))
def test_votes_equal_brute_force(seed, k, temperature):
    generator = np.random.default_rng(seed)
    bank, queries = generator.normal(size=(20, 3)), generator.normal(size=(7, 3))
    labels = generator.integers(0, 4, 20)
    expected = np.zeros((7, 4))
    for row, query in enumerate(queries):
        similar = [x @ query / np.linalg.norm(x) / np.linalg.norm(query) for x in bank]
        for i in sorted(range(20), key=lambda i: -similar[i])[:k]:
            expected[row, labels[i]] += np.exp((similar[i] - max(similar)) / temperature)

    found = votes(bank.astype(np.float32), labels, queries.astype(np.float32), 4, k, temperature)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(classified(), st.integers(1, 25), st.sampled_from([0.07, 1.0]))
def test_probabilities_agree_with_scikit_learn(drawn, k, temperature):
    bank, labels = drawn
    queries = np.concatenate([bank[::2] + np.float32(0.25), bank[:3]])
    k = min(k, len(bank))
    reference = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / temperature)
    )
    reference.fit(bank.astype(np.float64), labels)
    distances, _ = reference.kneighbors(queries.astype(np.float64), len(bank))
    # Of bank rows that are equally near, either may be among the k nearest.
    told_apart = np.ones(len(queries), bool)
    if k < len(bank):
        told_apart = distances[:, k] - distances[:, k - 1] > 1e-5
    expected = reference.predict_proba(queries.astype(np.float64))

    found = votes(bank, labels, queries, 4, k, temperature)

    found = found / found.sum(axis=1, keepdims=True)
    assert (np.delete(found, reference.classes_, axis=1) == 0.0).all()
    np.testing.assert_allclose(
        found[told_apart][:, reference.classes_], expected[told_apart], atol=2e-4
    )


def test_features_far_from_one_neither_overflow_nor_vanish():
    # Squares of float32 overflow above 1.8e19 and vanish below 1e-23.
    for scale in (1e25, 1e-30):
        scores = votes(BANK * np.float32(scale), LABELS, QUERY * np.float32(scale), 2, 3, 0.07)

        np.testing.assert_allclose(scores, votes(BANK, LABELS, QUERY, 2, 3, 0.07), rtol=1e-4)


def test_a_tie_goes_to_the_smaller_class():
    bank = np.array([[1, 0], [1, 0]], np.float32)

    scores = votes(bank, np.array([1, 0]), QUERY, 2, k=2, temperature=0.07)

    assert scores[0, 0] == scores[0, 1]
    assert scores[0].argmax() == 0


def test_of_equally_similar_neighbours_the_first_is_taken():
    bank = np.array([[1, 0], [1, 0], [1, 0]], np.float32)

    scores = votes(bank, np.array([2, 0, 1]), QUERY, 3, k=1, temperature=0.07)

    assert scores[0].argmax() == 2


def test_a_small_temperature_does_not_overflow():
    scores = votes(BANK, LABELS, QUERY, 2, k=4, temperature=1e-4)

    assert np.isfinite(scores).all()
    assert scores[0].argmax() == 1


@pytest.mark.parametrize("held", ["_CHUNK", "_BANK_CHUNK"])
def test_chunks_do_not_change_the_scores(monkeypatch, held):
    generator = np.random.default_rng(0)
    bank = generator.normal(size=(30, 4)).astype(np.float32)
    labels = generator.integers(0, 3, 30)
    whole = votes(bank, labels, bank, 3, 5, 0.07)

    monkeypatch.setattr(knn, held, 70)  # Two queries, or 17 rows of the bank, at a time.

    np.testing.assert_allclose(votes(bank, labels, bank, 3, 5, 0.07), whole, rtol=1e-5)


def test_more_neighbours_than_labels_are_capped_aloud(subject_of):
    subject = subject_of(BANK, LABELS, QUERY, [1])

    result = KNN().run(subject, seed=0)

    assert result == {"top-1": 1.0, "per class": 1.0}
    assert "k=200 is more than the 4 labelled examples" in subject.notes[0]


def test_real_numbers_are_refused(subject_of):
    with pytest.raises(DataError, match="one class an example.*Use the probe 'linear'"):
        KNN().run(subject_of(BANK, LABELS / 2, QUERY, [0.5]), seed=0)


def test_lengths_that_differ_are_refused(subject_of):
    subject = subject_of(BANK, LABELS, QUERY, [1])
    subject.targets = lambda split, name: LABELS[:3] if split == "train" else np.array([1])

    with pytest.raises(DataError, match=r"same number of rows. Received: 4 and 3 \(train split\)"):
        KNN().run(subject, seed=0)
