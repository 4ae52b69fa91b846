"""What datasets of texts have in common: tokens on disk, read in windows."""

import abc
import functools
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl import logging

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.disk_cache import cache_folder
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real, Text
from sslkeras.text import corpus, tokenizer
from sslkeras.text.token_store import Tokens

_FORMAT = 1
# BERT's.
_PIECES = 30_522
# Tokens that are read in one call of NumPy, if a batch has fewer.
_TOKENS_AT_ONCE = 2**14


class Texts(Dataset):
    """Documents as windows of token ids.

    A subclass says where texts come from. They are turned into ids once, as a stream, and kept in
    the cache folder; batches are read from there. The vocabulary and its counts come from the
    train split alone, the most frequent tokens first, behind the special ones: "<pad>", "<unk>"
    and with `separator` "<eos>"; for WordPiece "[PAD]", "[UNK]", "[CLS]", "[SEP]" and "[MASK]".
    The feature "frequency" is the share of each token in the train split.

    Args:
        tokens: "words", "characters" or "wordpiece".
        length: Tokens in a window.
        stride: Tokens from the start of a window to that of the next; None for `length`.
        pack: False: each document is cut into windows of its own, of which the last may be
            shorter, with padding behind. True: the documents of a split are joined, and
            each window is full; the feature "document" tells its documents apart.
        separator: Whether a token stands at each end of a document.
        min_tokens: Shorter documents give no window, without `pack`.
        lowercase: Whether texts are turned into lower case.
        punctuation: Whether signs are words, or left out.
        numbers: "keep"; "merge", all words that begin with a digit are "<number>"; "drop".
        rare: What becomes of words that are not in the vocabulary: "unknown", they are "<unk>";
            "drop", the text closes over them.
        min_count: Rarer tokens are not in the vocabulary. WordPiece: times that two pieces must
            meet to become one.
        max_vocab: Tokens in the vocabulary at most, special ones not counted; None for all.
            WordPiece: with the special ones; None for 30522.
        phrases: Thresholds of phrases, one for each pass; see `sslkeras.text.phrases`.
        phrase_discount: Delta of their score.
        cache: Folder for the ids; None for `$XDG_CACHE_HOME/sslkeras/texts`.
    """

    arguments = {
        "tokens": Choice("words", "characters", "wordpiece"),
        "length": Integer(1, unit="tokens"),
        "stride": Optional(Integer(1, unit="tokens"), "length"),
        "pack": Boolean(),
        "separator": Boolean(),
        "min_tokens": Integer(1),
        "lowercase": Boolean(),
        "punctuation": Boolean(),
        "numbers": Choice("keep", "merge", "drop"),
        "rare": Choice("unknown", "drop"),
        "min_count": Integer(1),
        "max_vocab": Optional(Integer(2), "all; WordPiece: 30522"),
        "phrases": ListOf(Real(0)),
        "phrase_discount": Real(0),
        "cache": Optional(Text("the path of a folder"), "the user's cache folder"),
    }
    defaults = {
        "tokens": "words",
        "length": 128,
        "stride": None,
        "pack": False,
        "separator": False,
        "min_tokens": 1,
        "lowercase": True,
        "punctuation": True,
        "numbers": "keep",
        "rare": "unknown",
        "min_count": 5,
        "max_vocab": None,
        "phrases": (),
        "phrase_discount": 5.0,
        "cache": None,
    }

    def __init__(self, **arguments):
        super().__init__(**arguments)
        if self.tokens != "words":
            for name in ("punctuation", "numbers", "phrases"):
                if getattr(self, name) != self.defaults[name]:
                    raise self._refusal(name, "words")
        if self.tokens == "wordpiece" and self.rare != "unknown":
            raise self._refusal("rare", "words' or 'characters")
        if self.tokens == "wordpiece":
            tokenizer.wordpiece_library()

    def _refusal(self, name, kind):
        return ConfigurationError(
            f"`{name}` of {type(self).__name__} must be left out unless tokens='{kind}'. "
            f"Received: {name}={getattr(self, name)!r}, tokens={self.tokens!r}."
        )

    @abc.abstractmethod
    def pieces(self):
        """An iterator of `sslkeras.text.corpus.Piece`, the same in each call."""

    @abc.abstractmethod
    def fingerprint(self):
        """All that the pieces depend on, as JSON: what was cached for others is not used."""

    @property
    def tokenizer(self):
        """The `sslkeras.text.Tokenizer`."""
        return self._stored[0]

    @property
    def vocabulary(self):
        return self.tokenizer.vocabulary

    @functools.cached_property
    def token_counts(self):
        """int64 `(vocabulary,)`: how often each token occurs in the train split."""
        return self._stored[1].counts(len(self.vocabulary))

    @property
    def has_test(self):
        return self._make_split(self._stored[2]) is not None

    @functools.cached_property
    def train(self):
        return self._require(self._make_split(self._stored[1]), "A text to train on")

    @functools.cached_property
    def test(self):
        return self._require(self._make_split(self._stored[2]), "A held-out text")

    def _require(self, split, what):
        if split is None:
            raise DataError(
                f"{what} must have a window of tokens. Received: none of {self!r}. Give more "
                "text, shorter windows, or another `test_fraction`."
            )
        return split

    def _make_split(self, stored):
        counts = np.maximum(self.token_counts, 0)
        split = TokenWindows(
            stored,
            self.tokenizer,
            length=self.length,
            stride=self.stride or self.length,
            pack=self.pack,
            min_tokens=self.min_tokens,
            frequency=(counts / max(counts.sum(), 1)).astype(np.float32),
            pieces=self.tokens == "wordpiece",
            labels=self.label_names is not None,
        )
        return split if split.size else None

    @functools.cached_property
    def _stored(self):
        """Tokenizer, train tokens and test tokens, from the cache if they are there."""
        rules = corpus.Rules(
            tokens=self.tokens,
            lowercase=self.lowercase,
            punctuation=self.punctuation,
            numbers=self.numbers,
            rare=self.rare,
            min_count=self.min_count,
            max_vocab=self.max_vocab or (_PIECES if self.tokens == "wordpiece" else None),
            separator=self.separator,
            phrases=self.phrases,
            phrase_discount=self.phrase_discount,
        )
        key = json.dumps([_FORMAT, vars(rules), self.fingerprint()], sort_keys=True)
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        folder = self._cached(name, rules)
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        return tokenizer.from_json(text), Tokens(folder, "train"), Tokens(folder, "test")

    def _cached(self, name, rules):
        """The folder with the tokens, which is made if it is not there."""
        parent = pathlib.Path(self.cache) if self.cache else cache_folder("texts")
        folder = parent / name
        if (folder / "tokenizer.json").is_file():
            return folder
        try:
            parent.mkdir(parents=True, exist_ok=True)
            made = tempfile.mkdtemp(dir=parent)
        except OSError as error:
            logging.info("Tokens are not remembered: %s", error)
            self._temporary = tempfile.TemporaryDirectory()
            made = folder = self._temporary.name
        try:
            used = corpus.build(made, rules, self.pieces)
            path = pathlib.Path(made, "tokenizer.json")
            path.write_text(used.to_json(), encoding="utf-8")
            if made != folder:
                os.replace(made, folder)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            # Another process may have been quicker.
            if not (pathlib.Path(folder) / "tokenizer.json").is_file():
                raise DataError(
                    "The folder for token ids must be writable. Received: "
                    f"{parent} ({error}). Make room, or choose another `cache`."
                ) from error
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return pathlib.Path(folder)


class TokenWindows(IndexedSplit):
    """Windows of stored tokens; a batch is gathered by NumPy where the tokens lie on disk.

    Args:
        stored: `sslkeras.text.token_store.Tokens`.
        tokenizer: Their `Tokenizer`.
        frequency: float32 `(vocabulary,)`: the share of each token in the train split.
        length, stride, pack, min_tokens: See `Texts`.
        pieces: Whether there is the feature "begins_word".
        labels: Whether there is the feature "label".
    """

    def __init__(
        self,
        stored,
        tokenizer,
        *,
        frequency,
        length,
        stride,
        pack,
        min_tokens,
        pieces,
        labels,
    ):
        self._stored, self._length, self._stride = stored, length, stride
        self._pad, self._pack = tokenizer.pad, pack
        self._begins_word = tokenizer.begins_word if pieces else None
        self._labels = labels and not pack
        self._frequency = frequency
        ends = stored.ends
        if pack:
            self.size = max((len(stored.tokens) - length) // stride + 1, 0)
        else:
            sizes = np.diff(ends, prepend=0)
            windows = 1 + np.maximum(-(-(sizes - length) // stride), 0)
            # The number of windows up to each document's end tells where a window lies.
            self._upto = np.cumsum(np.where(sizes >= min_tokens, windows, 0))
            self.size = int(self._upto[-1]) if len(ends) else 0
        self.features = {
            "tokens": tf.TensorSpec((length,), tf.int32, "tokens"),
            "num_tokens": tf.TensorSpec((), tf.int32, "num_tokens"),
        }
        self.features["frequency"] = tf.TensorSpec((length,), tf.float32, "frequency")
        if pack:
            self.features["document"] = tf.TensorSpec((length,), tf.int32, "document")
        if pieces:
            self.features["begins_word"] = tf.TensorSpec((length,), tf.bool, "begins_word")
        if self._labels:
            self.features["label"] = tf.TensorSpec((), tf.int32, "label")

    def read(self, indices, count, *, only=None):
        names = [name for name in self.features if only is None or name in only]
        types = [self.features[name].dtype for name in names]
        together = 1 if count is None else _TOKENS_AT_ONCE // (count * self._length)
        # A call of NumPy holds up the other threads; small batches share one.
        batched = indices.batch(together) if together > 1 else indices
        rows = [-1, count] if together > 1 else [count or -1]

        def read(index):
            def gather(index):
                return self._gather(index, names)

            found = tf.numpy_function(gather, [tf.reshape(index, [-1])], types, stateful=False)
            return {
                name: tf.reshape(value, [*rows, *self.features[name].shape])
                for name, value in zip(names, found)
            }

        read_batches = batched.map(read)
        return read_batches.unbatch() if together > 1 else read_batches

    def _gather(self, index, names):
        """The features `names` of the windows `index`, int64 `(windows,)`."""
        document = None
        if self._pack:
            start = index * self._stride
            count = np.full(len(index), self._length)
        else:
            document = np.searchsorted(self._upto, index, side="right")
            before = np.where(document > 0, self._upto[document - 1], 0)
            first = np.where(document > 0, self._stored.ends[document - 1], 0)
            start = first + (index - before) * self._stride
            count = np.minimum(self._stored.ends[document] - start, self._length)
        place = np.arange(self._length)
        # Where a window reaches past the last token there is padding.
        at = np.minimum(start[:, None] + place, len(self._stored.tokens) - 1)
        real = place < count[:, None]
        tokens = np.where(real, self._stored.tokens[at], np.int32(self._pad))
        made = {
            "tokens": lambda: tokens,
            "num_tokens": lambda: count.astype(np.int32),
            "frequency": lambda: self._frequency[tokens],
            "document": lambda: self._documents(at),
            "begins_word": lambda: self._begins_word[tokens],
            "label": lambda: self._stored.labels[document],
        }
        return [made[name]() for name in names]

    def _documents(self, at):
        """int32 `(windows, length)`: 0 for tokens of the first document of a window, then 1, ..."""
        document = np.searchsorted(self._stored.ends, at, side="right")
        return (document - document[:, :1]).astype(np.int32)
