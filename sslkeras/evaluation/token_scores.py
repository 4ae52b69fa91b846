"""Likelihoods of scored tokens, summed over a split: perplexity, bits and accuracies."""

import dataclasses
import math

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.task_method import task_method, task_outputs

SIGNATURE = "token_log_likelihoods(model, batch, seed) -> dict"
TOP = (1, 5)
_SHOWN = 5  # Texts in the picture.


@dataclasses.dataclass
class TokenScores:
    """Sums over scored tokens; averages are taken once, at the end.

    Attributes:
        log_likelihood: Sum of natural logarithms.
        count: Number of scored tokens.
        hits: For k = 1 and 5 how many true tokens were among the k likeliest.
    """

    log_likelihood: float = 0.0
    count: int = 0
    hits: dict = dataclasses.field(default_factory=lambda: dict.fromkeys(TOP, 0))

    def add(self, log_likelihood, rank=None):
        """Adds scored tokens: natural log-likelihoods and how many tokens were likelier."""
        self.log_likelihood += float(np.sum(log_likelihood, dtype=np.float64))
        self.count += len(log_likelihood)
        if rank is not None:
            for k in TOP:
                self.hits[k] += int((rank < k).sum())

    def metrics(self) -> dict:
        """ "perplexity" = exp(mean negative log-likelihood) and "bits per token"."""
        loss = -self.log_likelihood / self.count
        return {
            "perplexity": math.exp(loss) if loss < 700 else math.inf,
            "bits per token": loss / math.log(2),
        }

    def accuracies(self) -> dict:
        """ "top-1" and "top-5"."""
        return {f"top-{k}": self.hits[k] / self.count for k in TOP}


class Unigram:
    """The model that gives each token its frequency in the train split.

    Add-one smoothing, `(count + 1) / (total + size)`, so that a token that the train split
    lacks has a probability.

    Args:
        counts: int `(size,)`, occurrences by token id.
    """

    def __init__(self, counts):
        counts = np.asarray(counts)
        self._log = np.log((counts + 1) / (counts.sum() + len(counts)))
        # Of equally frequent tokens the smaller id comes first.
        order = np.argsort(-counts, kind="stable")
        self._rank = np.empty_like(order)
        self._rank[order] = np.arange(len(order))

    def score(self, tokens):
        """Log-likelihood and rank of each token id."""
        return self._log[tokens], self._rank[tokens]


def score_tokens(subject, probe, seed, needs_rank, max_examples):
    """Scores the test split with the task's model and with the unigram model of its train split.

    Args:
        subject: The `Subject`.
        probe: Name of the probe, for messages.
        seed: Integer that fixes masks and the like.
        needs_rank: Whether ranks are needed.
        max_examples: Test examples at most; None for all.

    Returns:
        Two `TokenScores`: the model's and the unigram model's.

    Raises:
        ConfigurationError: If the task lacks `token_log_likelihoods`.
        DataError: If what it gives is not finite, does not fit together, or scores nothing.
    """
    method = task_method(subject, probe, SIGNATURE)
    seed = np.array([seed, 0], np.int32)

    def pick(*names):
        def call(batch):
            given = method(subject.model, batch, seed)
            return {name: given[name] for name in names if name in given}

        return call

    ours, tests, shown = TokenScores(), [], []
    names = ("log_likelihood", "token", "scored", "rank")
    for given in task_outputs(subject, "test", pick(*names), max_examples):
        scored = _scored(given, names if needs_rank else names[:3])
        likelihood = given["log_likelihood"][scored]
        _check_likelihoods(likelihood, subject.name)
        ours.add(likelihood, given["rank"][scored] if needs_rank else None)
        tests.append(given["token"][scored])
        for row in range(min(len(scored), _SHOWN - len(shown))):
            shown.append(tuple(given[n][row] for n in ("token", "scored", "log_likelihood")))
    if not ours.count:
        raise DataError(
            "A language model must score a token of the test split. Received: none. Choose longer "
            "texts, or correct 'scored' of the task's `token_log_likelihoods`."
        )
    tokens = np.concatenate(tests)
    unigram = TokenScores()
    unigram.add(*Unigram(_train_counts(subject, pick, tokens)).score(tokens))
    _note_special_tokens(subject, tokens)

    def draw():
        from sslkeras.pictures.surprise import draw_surprise

        return draw_surprise(shown, subject.data.vocabulary, f"Bits of each token ({subject.name})")

    subject.picture(
        "surprise",
        draw,
        "Tokens as the task scores them: the darker, the less expected; grey: not scored.",
    )
    return ours, unigram


def _train_counts(subject, pick, tokens):
    """Occurrences of scored tokens in the train split, by id; room for all test tokens."""
    vocabulary = subject.data.vocabulary
    counts = np.zeros(max(len(vocabulary or ()), int(tokens.max()) + 1), np.int64)
    # Likelihoods are not asked for: TensorFlow then leaves the model out of the graph.
    for given in task_outputs(subject, "train", pick("token", "scored")):
        found = np.bincount(given["token"][given["scored"].astype(bool)])
        if len(found) > len(counts):
            counts = np.pad(counts, (0, len(found) - len(counts)))
        counts[: len(found)] += found
    return counts


def _scored(given, names):
    missing = [name for name in names if name not in given]
    shapes = {name: given[name].shape for name in names if name in given}
    if missing or len(set(shapes.values())) > 1:
        raise DataError(
            f"`token_log_likelihoods` must give {', '.join(map(repr, names))} of one shape. "
            f"Received: {shapes}. Correct the task's method."
        )
    return given["scored"].astype(bool)


def _check_likelihoods(likelihood, name):
    bad = int((~np.isfinite(likelihood)).sum())
    if bad or (likelihood > 1e-4).any():
        wrong = f"NaN or infinity for {bad}" if bad else f"up to {likelihood.max():g} for some"
        raise DataError(
            "Log-likelihoods of tokens must be finite and not above 0. Received: "
            f"{wrong} of {len(likelihood)} tokens ({name}). Look for a diverged training, or "
            "take log-softmax instead of logits."
        )


def _note_special_tokens(subject, tokens):
    """Says which tokens such as "<unk>" and "[SEP]" are among those scored."""
    vocabulary = subject.data.vocabulary
    if vocabulary is None:
        return
    counts = np.bincount(tokens, minlength=len(vocabulary))
    special = [
        f"{word} ({100 * count / len(tokens):.1f}%)"
        for word, count in zip(map(_text, vocabulary), counts)
        if count and len(word) > 2 and word[0] + word[-1] in ("<>", "[]")
    ]
    subject.note(f"Special tokens among the scored ones: {', '.join(special) or 'none'}.")


def _text(word):
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
