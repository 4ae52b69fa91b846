"""Tests of sslkeras.evaluation.masked_accuracy."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.evaluation.masked_accuracy import MaskedAccuracy
from tests.evaluation.language_task import NextToken, subject_of

TRAIN = [[2, 3, 2, 3, 4], [2, 2, 2, 0, 0]]
TEST = [[2, 3, 4, 5, 0], [3, 1, 0, 0, 0], [2, 2, 2, 2, 2], [4, 3, 0, 0, 0]]


def test_the_share_of_first_and_first_five_is_counted():
    logits = np.zeros((8, 8))
    logits[2, 2] = logits[4, 5] = 3  # Right for 2 -> 2 (4 times) and 4 -> 5.
    logits[3] = np.arange(8)  # 4 is the fourth likeliest, 1 the seventh.

    result = MaskedAccuracy().run(subject_of(TRAIN, TEST, logits), 0)

    # Ties do not count as likelier: 2 -> 3 is behind 2 alone, 4 -> 3 behind 5 alone.
    assert result["top-1"] == pytest.approx(5 / 9)
    assert result["top-5"] == pytest.approx(8 / 9)
    # Training tokens by frequency: 2, 3, 4, then 0, 1, ...
    assert result["unigram top-1"] == pytest.approx(4 / 9)
    assert result["unigram top-5"] == pytest.approx(8 / 9)
    assert result["scored tokens"] == 9


def test_masks_depend_on_the_mask_seed_alone():
    class Masked(NextToken):
        def token_log_likelihoods(self, model, batch, seed):
            given = super().token_log_likelihoods(model, batch, seed)
            kept = tf.random.stateless_uniform(tf.shape(given["token"]), seed) < 0.5
            return {**given, "scored": (given["scored"] > 0) & kept}

    test = np.random.default_rng(0).integers(2, 8, (6, 20))
    subject = subject_of(TRAIN * 10, test, np.eye(8), task=Masked())

    first, again, other = (
        MaskedAccuracy(mask_seed=mask_seed).run(subject, seed)
        for mask_seed, seed in ((0, 0), (0, 1), (5, 0))
    )

    assert first == again
    assert first != other
    assert 0 < first["scored tokens"] < 6 * 19


def test_likelihoods_without_ranks_are_refused():
    class NoRank(NextToken):
        def token_log_likelihoods(self, model, batch, seed):
            given = super().token_log_likelihoods(model, batch, seed)
            return {name: value for name, value in given.items() if name != "rank"}

    with pytest.raises(DataError, match="must give .*'rank' of one shape"):
        MaskedAccuracy().run(subject_of(TRAIN, TEST, np.eye(8), task=NoRank()), 0)
