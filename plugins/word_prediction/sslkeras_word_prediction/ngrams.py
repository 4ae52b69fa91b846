"""Trigram models, to stand beside a neural one.

R. Kneser, H. Ney, "Improved backing-off for M-gram language modeling", ICASSP 1995; in the
interpolated form of S. Chen, J. Goodman, "An Empirical Study of Smoothing Techniques for Language
Modeling", Computer Speech and Language 13 (1999).
F. Jelinek, R. Mercer, "Interpolated estimation of Markov source parameters from sparse data",
1980; with the bins of Y. Bengio et al., "A Neural Probabilistic Language Model", JMLR 3 (2003),
section 3.1.
"""

import numpy as np

from sslkeras.errors import DataError

# Words are numbered below this, so that three of them fit into 63 bits.
_MOST_WORDS = 2**21
_ITERATIONS = 30


class _Groups:
    """Sums over equal keys.

    Args:
        keys: int64 `(items,)`.
        values: int64 `(items,)`; None for 1 each.
    """

    def __init__(self, keys, values=None):
        self.keys, place = np.unique(keys, return_inverse=True)
        self.kinds = np.bincount(place, minlength=len(self.keys))
        self.totals = self.kinds
        if values is not None:
            self.totals = np.bincount(place, values, len(self.keys)).astype(np.int64)

    def of(self, keys):
        """Sum of the values, and number of the items, under each key; 0 for keys not there."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[place] == keys
        return np.where(known, self.totals[place], 0), np.where(known, self.kinds[place], 0)


class KneserNeyTrigram:
    """Interpolated Kneser-Ney with one discount D.

        P(c | a b) = (max(n(abc) - D, 0) + D N(ab.) P(c | b)) / n(ab.)
        P(c | b) = (max(N(.bc) - D, 0) + D N(.b.) P(c)) / sum over c of N(.bc)
        P(c) = (max(N(.c) - D, 0) + D kinds / words) / sum over c of N(.c)

    n counts occurrences and N different ones: N(ab.) the words that follow on ab, N(.bc) those
    before bc, N(.b.) the words c for which there is a .bc. Where nothing followed on a context the
    shorter one decides.

    Args:
        grams: int `(places, 3)`: two words and the one behind them; -1 for an unknown first one.
        words: Size of the vocabulary.
        discount: D, in (0, 1).
    """

    def __init__(self, grams, words, discount=0.75):
        _check(words)
        self._words, self._discount = words, discount
        grams = np.asarray(grams, np.int64)
        self._grams = _Groups(self._key(grams[grams[:, 0] >= 0]))
        self._contexts = _Groups(self._grams.keys // words, self._grams.totals)
        self._pairs = _Groups(np.concatenate([self._grams.keys % words**2, self._short(grams)]))
        self._before = _Groups(self._pairs.keys // words, self._pairs.totals)
        self._single = _Groups(self._pairs.keys % words)

    def probabilities(self, grams):
        """float64 `(places,)`: of the last word of each, given the two before it."""
        grams, discount = np.asarray(grams, np.int64), self._discount
        known, kinds = self._single.of(grams[:, 2])[0], len(self._single.keys)
        single = np.maximum(known - discount, 0) + discount * kinds / self._words
        single /= self._single.totals.sum()
        pair = self._level(self._pairs, self._before, self._key(grams[:, 1:]), grams[:, 1], single)
        whole = self._level(
            self._grams, self._contexts, self._key(grams), self._key(grams[:, :2]), pair
        )
        return np.where(grams[:, 0] >= 0, whole, pair)

    def _level(self, counts, contexts, keys, context_keys, shorter):
        count = np.maximum(counts.of(keys)[0] - self._discount, 0)
        total, kinds = contexts.of(context_keys)
        mixed = (count + self._discount * kinds * shorter) / np.maximum(total, 1)
        return np.where(total > 0, mixed, shorter)

    def _short(self, grams):
        """Pairs whose word before is not known count once, if no whole gram has them."""
        short = np.unique(self._key(grams[grams[:, 0] < 0, 1:]))
        return short[~np.isin(short, self._grams.keys % self._words**2)]

    def _key(self, grams):
        return _key(grams, self._words)


class InterpolatedTrigram:
    """Mixes relative frequencies of all orders.

        P(c | a b) = w0 / words + w1 f(c) + w2 f(c | b) + w3 f(c | a b)

    The weights depend on how often the context occurs, by the bin
    ceil(-log((1 + n(ab)) / places)). They are fitted by expectation maximisation on the last
    tenth of the grams with frequencies of the others; then frequencies are taken of all. Where
    nothing followed on a context the next shorter one stands for it.

    Args:
        grams: As of `KneserNeyTrigram`, in the order of the text.
        words: Size of the vocabulary.
    """

    def __init__(self, grams, words):
        _check(words)
        self._words = words
        grams = np.asarray(grams, np.int64)
        held_out = max(len(grams) // 10, 1)
        self._count(grams[:-held_out])
        self._fit(grams[-held_out:])
        self._count(grams)

    def probabilities(self, grams):
        """float64 `(places,)`: of the last word of each, given the two before it."""
        grams = np.asarray(grams, np.int64)
        weights = self.weights[np.minimum(self._bins(grams), len(self.weights) - 1)]
        return np.sum(weights * self._parts(grams), axis=1)

    def _count(self, grams):
        whole = grams[grams[:, 0] >= 0]
        self._places = len(grams)
        self._single = _Groups(grams[:, 2])
        self._pairs = _Groups(_key(grams[:, 1:], self._words))
        self._first = _Groups(grams[:, 1])
        self._grams = _Groups(_key(whole, self._words))
        self._contexts = _Groups(_key(whole[:, :2], self._words))

    def _parts(self, grams):
        single = self._single.of(grams[:, 2])[0] / max(self._places, 1)
        pair = self._frequency(
            self._pairs, _key(grams[:, 1:], self._words), self._first, grams[:, 1], single
        )
        whole = self._frequency(
            self._grams,
            _key(grams, self._words),
            self._contexts,
            _key(grams[:, :2], self._words),
            pair,
        )
        whole = np.where(grams[:, 0] >= 0, whole, pair)
        return np.stack([np.full(len(grams), 1 / self._words), single, pair, whole], axis=1)

    @staticmethod
    def _frequency(counts, keys, contexts, context_keys, shorter):
        total = contexts.of(context_keys)[0]
        return np.where(total > 0, counts.of(keys)[0] / np.maximum(total, 1), shorter)

    def _bins(self, grams):
        count = self._contexts.of(_key(grams[:, :2], self._words))[0]
        count = np.where(grams[:, 0] >= 0, count, 0)
        return np.ceil(-np.log((1 + count) / max(self._places, 1)) - 1e-9).clip(0).astype(int)

    def _fit(self, grams):
        parts, bins = self._parts(grams), self._bins(grams)
        # A bin that does not occur has the weights of all together.
        common = _weights(parts, np.zeros(len(bins), int), np.full((1, 4), 0.25))
        # One bin more: places are more when the held-out ones are counted too.
        self.weights = _weights(parts, bins, np.repeat(common, bins.max() + 2, axis=0))


def _weights(parts, bins, weights):
    count = np.bincount(bins, minlength=len(weights))
    for _ in range(_ITERATIONS):
        share = weights[bins] * parts
        share /= share.sum(axis=1, keepdims=True)
        total = np.stack([np.bincount(bins, part, len(weights)) for part in share.T], axis=1)
        weights = np.where(count[:, None] > 0, total / np.maximum(count[:, None], 1), weights)
    return weights


def mixed(first, second, share):
    """share * first + (1 - share) * second: probabilities are mixed, not their logarithms."""
    return share * np.asarray(first) + (1 - share) * np.asarray(second)


def perplexity(probabilities):
    """exp of the mean of -log P."""
    return float(np.exp(-np.mean(np.log(probabilities))))


def _key(grams, words):
    # Unknown words are sorted out by whoever asks.
    key = np.zeros(len(grams), np.int64)
    for column in np.maximum(grams, 0).T:
        key = key * words + column
    return key


def _check(words):
    if words > _MOST_WORDS:
        raise DataError(
            f"A trigram model can count at most {_MOST_WORDS} different words. Received: {words}. "
            "Choose a smaller vocabulary (`max_vocab`, `min_count`)."
        )
