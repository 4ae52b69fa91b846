"""Perplexity of a language model."""

from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.token_scores import score_tokens
from sslkeras.hyperparameters import Integer, Optional


class Perplexity(Probe):
    """exp of the mean negative log-likelihood of all scored test tokens.

    The mean is taken over the tokens of the whole split, not over batches. Baseline:
    "unigram", the frequencies of scored tokens in the train split with add-one smoothing.

    The task offers `token_log_likelihoods(model, batch, seed)`, in TensorFlow ops, for a
    raw batch and an int32 seed `(2,)`. It returns a dict of tensors of one shape `(batch,
    positions)`: "log_likelihood" (natural logarithm, of the true token), "token" (its id)
    and "scored" (False for padding). Which special tokens were scored is noted if the
    dataset has a vocabulary.

    Args:
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {"max_examples": Optional(Integer(1), "all")}

    def __init__(self, *, max_examples=None):
        super().__init__(max_examples=max_examples)

    def run(self, subject, seed):
        """Scores the test split.

        Returns:
            "perplexity", "bits per token", "scored tokens", "unigram perplexity" and
            "unigram bits per token".
        """
        ours, unigram = score_tokens(subject, "perplexity", seed, False, self.max_examples)
        return {
            **ours.metrics(),
            "scored tokens": float(ours.count),
            **{f"unigram {name}": value for name, value in unigram.metrics().items()},
        }
