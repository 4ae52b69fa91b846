"""Tests of sslkeras.evaluation.perplexity."""

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.perplexity import Perplexity
from tests.evaluation.language_task import NextToken, subject_of

TRAIN = [[2, 3, 2, 3, 4], [2, 2, 2, 0, 0]]
TEST = [[2, 3, 4, 5, 0], [3, 1, 0, 0, 0], [2, 2, 2, 2, 2], [4, 3, 0, 0, 0]]
SCORED = [(2, 3), (3, 4), (4, 5), (3, 1), (2, 2), (2, 2), (2, 2), (2, 2), (4, 3)]


def test_all_tokens_but_padding_count_once():
    logits = np.random.default_rng(0).normal(size=(8, 8))
    log_softmax = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = np.exp(-np.mean([log_softmax[pair] for pair in SCORED]))
    # Scored in training: 3, 2, 3, 4 and 2, 2; 8 tokens in the vocabulary.
    counts = {2: 3, 3: 2, 4: 1}
    unigram = [np.log((counts.get(token, 0) + 1) / (6 + 8)) for _, token in SCORED]
    subject = subject_of(TRAIN, TEST, logits)

    result = Perplexity().run(subject, 0)

    assert result["perplexity"] == pytest.approx(expected, rel=1e-6)
    assert result["bits per token"] == pytest.approx(np.log2(expected), rel=1e-6)
    assert result["scored tokens"] == 9
    assert result["unigram perplexity"] == pytest.approx(np.exp(-np.mean(unigram)))
    assert subject.notes == ["Special tokens among the scored ones: <unk> (11.1%)."]


def test_uniform_logits_have_the_perplexity_of_the_vocabulary():
    result = Perplexity().run(subject_of(TRAIN, TEST, np.zeros((8, 8)), vocabulary=None), 0)

    assert result["perplexity"] == pytest.approx(8, rel=1e-6)
    assert result["bits per token"] == pytest.approx(3, rel=1e-6)


def test_fewer_examples_can_be_judged():
    subject = subject_of(TRAIN, TEST, np.zeros((8, 8)))

    assert Perplexity(max_examples=1).run(subject, 0)["scored tokens"] == 3


def test_a_task_without_likelihoods_is_refused():
    class Other(NextToken):
        token_log_likelihoods = None

    with pytest.raises(ConfigurationError, match="'perplexity' needs.*`token_log_likelihoods"):
        Perplexity().run(subject_of(TRAIN, TEST, np.zeros((8, 8)), task=Other()), 0)


def test_likelihoods_with_nan_are_refused():
    logits = np.zeros((8, 8))
    logits[3, 1] = np.nan

    with pytest.raises(DataError, match="finite.*NaN or infinity for 2 of 4 tokens.*diverged"):
        # All of row 3 becomes NaN: 3 -> 4 and 3 -> 1 are in the first two examples.
        Perplexity(max_examples=2).run(subject_of(TRAIN, TEST, logits), 0)


def test_logits_instead_of_likelihoods_are_refused():
    class Logits(NextToken):
        def token_log_likelihoods(self, model, batch, seed):
            given = super().token_log_likelihoods(model, batch, seed)
            return {**given, "log_likelihood": given["log_likelihood"] + 9}

    with pytest.raises(DataError, match="not above 0.*log-softmax"):
        Perplexity().run(subject_of(TRAIN, TEST, np.zeros((8, 8)), task=Logits()), 0)


def test_a_split_of_padding_is_refused():
    with pytest.raises(DataError, match="must score a token.*Received: none"):
        Perplexity().run(subject_of(TRAIN, [[2, 0]], np.zeros((8, 8))), 0)
