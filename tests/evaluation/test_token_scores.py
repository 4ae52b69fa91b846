"""Tests of sslkeras.evaluation.token_scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, top_k_accuracy_score

from sslkeras.evaluation.token_scores import TokenScores, Unigram


def scores(*batches):
    result = TokenScores()
    for batch in batches:
        result.add(np.log(batch))
    return result


def test_perplexity_has_the_worked_values():
    metrics = scores([0.5, 0.25, 0.125, 0.1]).metrics()

    assert metrics["perplexity"] == pytest.approx(5.02973372)
    assert metrics["bits per token"] == pytest.approx(2.33048202)
    # NLL 1.61536704.
    assert metrics["bits per token"] * np.log(2) == pytest.approx(1.61536704)
    assert scores([0.5, 0.25, 0.125]).metrics()["perplexity"] == pytest.approx(4)


def test_batches_do_not_count_alike():
    # Averaging the perplexities 4 and 10 of the two batches would give 7.
    found = scores([0.5, 0.25, 0.125], [0.1]).metrics()["perplexity"]

    assert found == pytest.approx(5.02973372)
    # Two sequences of the specification of next-word prediction.
    two = TokenScores()
    two.add(np.array([-1.0050959541]))
    two.add(np.array([-0.7632809766]))
    assert two.metrics()["perplexity"] == pytest.approx(2.4210188534)


def test_hopeless_likelihoods_are_infinite_not_an_error():
    result = TokenScores()
    result.add(np.array([-1e4]))

    assert result.metrics()["perplexity"] == np.inf


def test_ranks_become_accuracies():
    result = TokenScores()
    result.add(np.zeros(4), np.array([0, 4, 5, 1]))

    assert result.accuracies() == {"top-1": 0.25, "top-5": 0.75}


def test_the_unigram_model_is_smoothed_and_sorted():
    likelihood, rank = Unigram([3, 0, 5, 0]).score(np.array([0, 1, 2, 3]))

    np.testing.assert_allclose(np.exp(likelihood), [4 / 12, 1 / 12, 6 / 12, 1 / 12])
    np.testing.assert_array_equal(rank, [1, 2, 0, 3])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_perplexity_agrees_with_scikit_learn(seed, num_tokens):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(num_tokens), 20)
    truth = generator.integers(0, num_tokens, 20)
    expected = np.exp(log_loss(truth, probabilities, labels=np.arange(num_tokens)))

    found = scores(probabilities[np.arange(20), truth][:7], probabilities[np.arange(20), truth][7:])

    assert found.metrics()["perplexity"] == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 9))
def test_accuracies_agree_with_scikit_learn(seed, num_tokens):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(num_tokens), 20)
    truth = generator.integers(0, num_tokens, 20)
    own = probabilities[np.arange(20), truth][:, np.newaxis]
    found = TokenScores()
    for part in (slice(0, 1), slice(1, 20)):  # A batch of one and another.
        found.add(np.log(own[part, 0]), (probabilities > own).sum(axis=1)[part])

    for k in (1, 5):
        expected = top_k_accuracy_score(truth, probabilities, k=k, labels=np.arange(num_tokens))
        assert found.accuracies()[f"top-{k}"] == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_the_unigram_model_is_a_distribution_in_the_order_of_frequency(counts):
    likelihood, rank = Unigram(counts).score(np.arange(len(counts)))

    assert np.exp(likelihood).sum() == pytest.approx(1.0)
    assert sorted(rank) == list(range(len(counts)))
    assert (np.diff(np.array(counts)[np.argsort(rank)]) <= 0).all()
