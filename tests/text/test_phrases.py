"""Tests of sslkeras.text.phrases."""

import collections

import numpy as np
import pytest

from sslkeras.text.phrases import (
    PairCounts,
    first_of_phrase,
    join_words,
    pair_keys,
    pair_of,
    phrase_score,
)


def test_score():
    # (20 - 5) / (100 * 50) = 0.003, times 10,000 words.
    np.testing.assert_allclose(phrase_score(20, 100, 50, discount=5, total=10_000), 30)


def test_pairs_are_counted_over_chunks():
    tokens = np.random.default_rng(0).integers(0, 5, 300)
    counts = PairCounts()

    for begin in range(0, 300, 100):
        counts.add(pair_keys(tokens[max(begin - 1, 0) : begin + 100]))

    expected = collections.Counter(zip(tokens.tolist(), tokens[1:].tolist()))
    found = {(int(a), int(b)): int(n) for a, b, n in zip(*pair_of(counts.keys), counts.counts)}
    assert found == expected


@pytest.mark.parametrize(
    "threshold, min_count, expected", [(29.9, 5, True), (30, 5, False), (29.9, 51, False)]
)
def test_phrases_score_above_the_threshold_and_are_of_frequent_words(
    threshold, min_count, expected
):
    counts = PairCounts()
    counts.add(np.repeat(pair_keys(np.array([0, 1])), 20))

    found = counts.phrases(
        np.array([100, 50, 9850]), threshold=threshold, discount=5, min_count=min_count
    )

    assert (len(found) == 1) is expected


def test_a_word_just_joined_does_not_begin_another_phrase():
    joins = np.array([0, 1, 1, 1, 0, 1, 1, 0, 1], bool)

    np.testing.assert_array_equal(first_of_phrase(joins), [0, 1, 0, 1, 0, 1, 0, 0, 1])
    assert join_words(list("aaab"), {("a", "a"), ("a", "b")}) == ["a_a", "a_b"]
