"""Tests of sslkeras_word_prediction.ngram_perplexity."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.ngrams import InterpolatedTrigram, KneserNeyTrigram, mixed, perplexity

import sslkeras
from plugins.word_prediction.tests.small_texts import PIECES, WORDS, small_texts
from sslkeras.errors import ConfigurationError

SEED = tf.constant([0, 0])


def run_of(task="next_word(order=3, embedding_dim=4, hidden_units=8)", **arguments):
    data = small_texts(WORDS, first=2, train=200)
    return sslkeras.pretrain(task, data, "mlp", steps=20, batch_size=8, **arguments)


def grams_of(split, first=2):
    """Word by word, with -1 before the first of a window."""
    batch = next(iter(split.batches(1000)))
    grams = []
    for tokens, count in zip(batch["tokens"].numpy(), batch["num_tokens"].numpy()):
        padded = [-1, *tokens[:count]]
        grams += [padded[place - 1 : place + 2] for place in range(first, count)]
    return np.array(grams)


def test_the_model_stands_beside_trigrams_of_the_same_words():
    run = run_of(learning_rate=0.01)

    result = sslkeras.evaluate(run, probes="ngram_perplexity(share=0.3)", seeds=1).probes[0]
    plain = sslkeras.evaluate(run, probes="perplexity", seeds=1).probes[0].metrics("pretrained")

    found = result.metrics("pretrained")
    train, test = grams_of(run.data.train), grams_of(run.data.test)
    trigram = InterpolatedTrigram(train, len(WORDS)).probabilities(test)
    kneser_ney = KneserNeyTrigram(train, len(WORDS)).probabilities(test)
    batch = next(iter(run.data.test.batches(1000)))
    given = run.task.token_log_likelihoods(run.model, batch, SEED)
    own = np.exp(given["log_likelihood"].numpy()[given["scored"].numpy()].astype(np.float64))
    np.testing.assert_allclose(found["perplexity"], plain["perplexity"], rtol=1e-6)
    np.testing.assert_allclose(found["kneser-ney perplexity"], perplexity(kneser_ney), rtol=1e-9)
    np.testing.assert_allclose(
        found["interpolated trigram perplexity"], perplexity(trigram), rtol=1e-9
    )
    np.testing.assert_allclose(
        found["mixture perplexity"], perplexity(mixed(own, trigram, 0.3)), rtol=1e-5
    )
    assert found["scored tokens"] == len(test)
    assert result.metrics("random init")["kneser-ney perplexity"] == found["kneser-ney perplexity"]


def test_words_at_the_start_of_a_window_have_unknown_ones_before():
    task = sslkeras.tasks.create("next_word(architecture='lstm', hidden_units=2, num_layers=1)")
    data = small_texts(WORDS, first=2, test=6)
    spec = task.examples(data.train, 2).element_spec[0]
    model = task.build_model(spec, sslkeras.encoders.create("mlp"), data)

    given = task.token_log_likelihoods(model, next(iter(data.test.batches(6))), SEED)

    scored = given["scored"].numpy()
    before, token = given["before"].numpy()[scored], given["token"].numpy()[scored]
    expected = grams_of(data.test, first=1)
    np.testing.assert_array_equal(np.stack([before[:, 1], before[:, 0], token], 1), expected)
    assert (expected[:, 0] == -1).sum() == 6


def test_tasks_without_words_before_are_refused():
    run = sslkeras.pretrain(
        "masked_language_model(max_predictions=3)",
        small_texts(PIECES),
        "transformer(layers=1, hidden=4, heads=1, max_positions=16)",
        steps=1,
        batch_size=8,
    )
    with pytest.raises(ConfigurationError, match="`token_log_likelihoods` gives 'before'"):
        sslkeras.evaluate(run, probes="ngram_perplexity", seeds=1)
