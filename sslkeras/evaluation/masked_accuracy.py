"""Masked accuracy: how many withheld tokens a model names."""

from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.token_scores import score_tokens
from sslkeras.hyperparameters import Integer, Optional


class MaskedAccuracy(Probe):
    """Share of masked test tokens that are the likeliest, or among the five likeliest.

    Masks are drawn with one seed for all contenders. Baseline: "unigram", which always
    names the most frequent masked tokens of the train split.

    The task offers `token_log_likelihoods(model, batch, seed)` as for `perplexity`, with
    "scored" True at masked positions alone, and beside the other tensors "rank": how many
    tokens of the vocabulary are likelier than the true one, an integer >= 0.

    Args:
        mask_seed: Integer that fixes the masks.
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {"mask_seed": Integer(0, 2**31 - 1), "max_examples": Optional(Integer(1))}

    def __init__(self, *, mask_seed=0, max_examples=None):
        super().__init__(mask_seed=mask_seed, max_examples=max_examples)

    def run(self, subject, seed):
        """Scores the test split.

        Returns:
            "top-1", "top-5", "perplexity", "bits per token", "scored tokens", and "unigram
            top-1" to "unigram bits per token".
        """
        ours, unigram = score_tokens(
            subject, "masked_accuracy", self.mask_seed, True, self.max_examples
        )
        trivial = {**unigram.accuracies(), **unigram.metrics()}
        return {
            **ours.accuracies(),
            **ours.metrics(),
            "scored tokens": float(ours.count),
            **{f"unigram {name}": value for name, value in trivial.items()},
        }
