"""Tests of sslkeras_word_prediction.ngrams."""

import numpy as np
import pytest
from sslkeras_word_prediction.ngrams import (
    InterpolatedTrigram,
    KneserNeyTrigram,
    mixed,
    perplexity,
)

from sslkeras.errors import DataError

WORDS = 7


def grams_of(tokens):
    return np.stack([tokens[:-2], tokens[1:-1], tokens[2:]], axis=1)


def text(length=400, seed=0):
    random = np.random.default_rng(seed)
    tokens = [1, 2]
    while len(tokens) < length:
        # The last word never occurs.
        tokens.append((tokens[-1] * 2 + tokens[-2] + random.integers(2)) % (WORDS - 1))
    return np.array(tokens)


def all_after(first, second):
    return np.stack([np.full(WORDS, first), np.full(WORDS, second), np.arange(WORDS)], axis=1)


def test_kneser_ney_by_hand():
    model = KneserNeyTrigram(grams_of(np.array([0, 1, 0, 1, 2])), 3, discount=0.5)

    # P(2) = (1 - .5 + .5 * 3 / 3) / 3, as each word follows on one other.
    # P(2 | 1) = (1 - .5 + .5 * 2 * P(2)) / 2 and P(2 | 0 1) = (1 - .5 + .5 * 2 * P(2 | 1)) / 2.
    found = model.probabilities([[0, 1, 2], [2, 1, 2], [-1, 1, 2], [2, 2, 2]])
    np.testing.assert_allclose(found, [11 / 24, 5 / 12, 5 / 12, 1 / 3], rtol=1e-12)


def slow_kneser_ney(tokens, discount):
    """Word by word, from sets."""
    grams = list(zip(tokens, tokens[1:], tokens[2:]))
    kinds = set(grams)
    pairs = {(b, c) for _, b, c in kinds}

    def before(b, c):
        return len({a for a, x, y in kinds if (x, y) == (b, c)})

    def probability(a, b, c):
        single = max(sum(y == c for _, y in pairs) - discount, 0)
        single += discount * len({y for _, y in pairs}) / WORDS
        result = single / len(pairs)
        total = sum(before(b, y) for x, y in pairs if x == b)
        if total:
            behind = len({y for x, y in pairs if x == b})
            result = (max(before(b, c) - discount, 0) + discount * behind * result) / total
        count = sum(gram[:2] == (a, b) for gram in grams)
        if count:
            behind = len({gram for gram in kinds if gram[:2] == (a, b)})
            exact = sum(gram == (a, b, c) for gram in grams)
            result = (max(exact - discount, 0) + discount * behind * result) / count
        return result

    return probability


def test_kneser_ney_equals_counting_word_by_word():
    tokens = text(120)
    model = KneserNeyTrigram(grams_of(tokens), WORDS)
    slow = slow_kneser_ney([int(token) for token in tokens], 0.75)

    asked = np.random.default_rng(1).integers(0, WORDS, (200, 3))

    np.testing.assert_allclose(
        model.probabilities(asked), [slow(*map(int, gram)) for gram in asked], rtol=1e-10
    )


@pytest.mark.parametrize("kind", [KneserNeyTrigram, InterpolatedTrigram])
def test_probabilities_of_all_words_sum_to_1(kind):
    model = kind(grams_of(text()), WORDS)

    for first in (-1, *range(WORDS)):
        for second in range(WORDS):
            found = model.probabilities(all_after(first, second))
            np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-9)
            assert found.min() > 0


def test_weights_of_the_interpolation_are_the_likeliest():
    grams = grams_of(text(3000))
    model = InterpolatedTrigram(grams, WORDS)

    np.testing.assert_allclose(model.weights.sum(axis=1), 1.0)
    # The text is one of the second order: trigrams tell the most.
    assert model.weights[model._bins(grams)].mean(axis=0).argmax() == 3
    model._count(grams[:-299])
    held_out = grams[-299:]
    fitted = perplexity(model.probabilities(held_out))
    best = model.weights.copy()
    random = np.random.default_rng(0)
    for _ in range(20):
        other = best * np.exp(0.3 * random.normal(size=best.shape))
        model.weights = other / other.sum(axis=1, keepdims=True)
        assert perplexity(model.probabilities(held_out)) > fitted - 1e-3


def test_frequencies_are_those_of_the_text():
    tokens = np.array([0, 1, 0, 1, 2] * 20)
    model = InterpolatedTrigram(grams_of(tokens), 3)

    parts = model._parts(np.array([[0, 1, 2], [-1, 1, 0], [2, 2, 1]]))

    # 0 1 is followed by 0 and 2 alike, so is 1; 2 2 does not occur, and 0 alone follows on 2.
    single = np.bincount(tokens[2:]) / 98
    np.testing.assert_allclose(parts[:, 0], 1 / 3)
    np.testing.assert_allclose(parts[:, 1], single[[2, 0, 1]])
    np.testing.assert_allclose(parts[:, 2], [0.5 * 40 / 39.5, 19 / 39, 0.0], rtol=0.03)
    np.testing.assert_allclose(parts[:, 3], [20 / 40, 19 / 39, 0.0], rtol=0.03)


def test_probabilities_are_mixed_and_not_their_logarithms():
    np.testing.assert_allclose(-np.log(mixed(0.2, 0.4, 0.5)), 1.2039728043, rtol=1e-9)
    np.testing.assert_allclose(perplexity([0.5, 0.25, 0.125]), 4.0)


def test_vocabularies_beyond_63_bits_are_refused():
    with pytest.raises(DataError, match="at most 2097152 different words. Received: 3000000"):
        KneserNeyTrigram(np.zeros((1, 3)), 3_000_000)
