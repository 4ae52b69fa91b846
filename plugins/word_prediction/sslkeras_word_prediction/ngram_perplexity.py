"""A neural language model beside trigrams, and mixed with them."""

import numpy as np

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.task_method import task_method, task_outputs
from sslkeras.hyperparameters import Integer, Optional, Real
from sslkeras_word_prediction.ngrams import (
    InterpolatedTrigram,
    KneserNeyTrigram,
    mixed,
    perplexity,
)

_SIGNATURE = "token_log_likelihoods(model, batch, seed) -> dict"
_BEFORE = 2


class NgramPerplexity(Probe):
    """Perplexity of a language model beside trigram models of the same train split.

    The trigrams are interpolated Kneser-Ney, and the interpolated frequencies that Bengio et al.
    (2003) compare with and mix: "mixture perplexity" is that of

        P = share * P_model + (1 - share) * P_interpolated

    All score the same words of the test split and see the words before them in the same window.

    The task offers `token_log_likelihoods` as for the probe `perplexity`, and in its dict
    "before", int32 `(batch, positions, 2)`: the words before each, the nearest first, -1 for none.
    Each word of the train split should be scored in one window only, so that it counts once.

    Args:
        discount: Of Kneser-Ney, in (0, 1).
        share: Of the model in the mixture, in (0, 1).
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {
        "discount": Real(0, 1, closed="neither"),
        "share": Real(0, 1, closed="neither"),
        "max_examples": Optional(Integer(1), "all"),
    }

    def __init__(self, *, discount=0.75, share=0.5, max_examples=None):
        super().__init__(discount=discount, share=share, max_examples=max_examples)
        # The same for all contenders, and so fitted once.
        self._fitted = (None, None, None)

    def run(self, subject, seed):
        """Scores the test split.

        Returns:
            "perplexity", "mixture perplexity", "kneser-ney perplexity", "interpolated trigram
            perplexity" and "scored tokens".
        """
        grams, likelihood = self._read(subject, "test", seed, self.max_examples)
        kneser_ney, interpolated = self._trigrams(subject, seed)
        trigram = interpolated.probabilities(grams)
        return {
            "perplexity": perplexity(np.exp(likelihood)),
            "mixture perplexity": perplexity(mixed(np.exp(likelihood), trigram, self.share)),
            "kneser-ney perplexity": perplexity(kneser_ney.probabilities(grams)),
            "interpolated trigram perplexity": perplexity(trigram),
            "scored tokens": float(len(grams)),
        }

    def _trigrams(self, subject, seed):
        if self._fitted[0] is not subject.data:
            grams, _ = self._read(subject, "train", seed, None)
            words = len(subject.data.vocabulary)
            self._fitted = (
                subject.data,
                KneserNeyTrigram(grams, words, self.discount),
                InterpolatedTrigram(grams, words),
            )
        return self._fitted[1:]

    def _read(self, subject, split, seed, limit):
        """Words with the two before them, `(words, 3)`, and of the test split log-likelihoods."""
        method = task_method(subject, "ngram_perplexity", _SIGNATURE)
        names = ["before", "token", "scored"] + ["log_likelihood"] * (split == "test")
        seed = np.array([seed, 0], np.int32)

        def call(batch):
            given = method(subject.model, batch, seed)
            return {name: given[name] for name in names if name in given}

        grams, likelihoods = [], []
        for given in task_outputs(subject, split, call, limit):
            if "before" not in given or given["before"].shape[2:] != (_BEFORE,):
                raise ConfigurationError(
                    "The probe 'ngram_perplexity' needs a task whose `token_log_likelihoods` "
                    "gives 'before', two words for each. Received: "
                    f"{', '.join(given)}. Leave this probe out, or add it."
                )
            scored = given["scored"].astype(bool)
            words = given["before"][scored][:, ::-1], given["token"][scored][:, np.newaxis]
            grams.append(np.concatenate(words, axis=1))
            likelihoods.append(given.get("log_likelihood", np.zeros(scored.shape))[scored])
        grams = np.concatenate(grams)
        if not len(grams):
            raise DataError(
                "A language model must score a token of each split. Received: none "
                f"({split} split). Choose longer texts."
            )
        return grams, np.concatenate(likelihoods).astype(np.float64)
