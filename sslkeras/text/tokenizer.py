"""What turns texts into ids of a vocabulary, and is saved as JSON.

Y. Wu et al., "Google's Neural Machine Translation System", 2016,
https://arxiv.org/abs/1609.08144 (WordPiece).
"""

import abc
import functools
import json
import re

import numpy as np

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.text.phrases import join_words

PAD, UNKNOWN, END, NUMBER = "<pad>", "<unk>", "<eos>", "<number>"
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# Letters and digits with inner apostrophes; any other visible sign stands alone.
_WORD = r"[^\W_]+(?:['’][^\W_]+)*"
_WORDS = re.compile(_WORD)
_WORDS_AND_SIGNS = re.compile(_WORD + r"|[^\w\s]|_")
_NUMBER = re.compile(r"\d")


class Tokenizer(abc.ABC):
    """Texts to ids.

    Attributes:
        vocabulary: Tuple of tokens by id.
        pad: Id of padding.
        end: Id of the token that ends a document, or None.
    """

    vocabulary: tuple
    pad: int
    end: int | None

    @abc.abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """int32 `(tokens,)`: the ids of a text."""

    @abc.abstractmethod
    def to_config(self) -> dict:
        """All that `from_config` needs, as JSON."""

    @property
    def begins_word(self) -> np.ndarray:
        """bool `(vocabulary,)`: False for tokens that go on with a word."""
        return np.array([not token.startswith("##") for token in self.vocabulary])

    def to_json(self) -> str:
        return json.dumps({"type": type(self).__name__, **self.to_config()})

    def __eq__(self, other):
        return type(self) is type(other) and self.to_config() == other.to_config()

    __hash__ = None


class WordSplitter:
    """Divides texts into words.

    Args:
        lowercase: Whether texts are turned into lower case.
        punctuation: Whether signs are words, or left out.
        numbers: "keep", "merge" (what begins with a digit is "<number>") or "drop".
    """

    def __init__(self, *, lowercase, punctuation, numbers):
        self.lowercase, self.punctuation, self.numbers = lowercase, punctuation, numbers
        self._pattern = _WORDS_AND_SIGNS if punctuation else _WORDS

    def __call__(self, text):
        """The words as they stand in the text; `normalised` is for each kind of them."""
        return self._pattern.findall(lowered(text) if self.lowercase else text)

    def normalised(self, word):
        """A word as it counts, or None if it does not."""
        if self.numbers == "keep" or not _NUMBER.match(word):
            return word
        return NUMBER if self.numbers == "merge" else None

    def to_config(self):
        return {
            "lowercase": self.lowercase,
            "punctuation": self.punctuation,
            "numbers": self.numbers,
        }


class WordTokenizer(Tokenizer):
    """One id a word.

    Args:
        splitter: A `WordSplitter`.
        vocabulary: Tokens by id, "<pad>" and "<unk>" first.
        drop_rare: Whether words that are not in the vocabulary are left out; else "<unk>".
        phrases: For each pass the pairs of words that are joined, as `(first, second)`.
    """

    def __init__(self, splitter, vocabulary, *, drop_rare=False, phrases=()):
        self.splitter, self.vocabulary = splitter, tuple(vocabulary)
        self.drop_rare = drop_rare
        self.phrases = tuple(frozenset(map(tuple, pairs)) for pairs in phrases)
        self._ids = {word: number for number, word in enumerate(self.vocabulary)}
        self.pad, self.end = self._ids[PAD], self._ids.get(END)

    def encode(self, text):
        words = map(self.splitter.normalised, self.splitter(text))
        words = [word for word in words if word is not None]
        for pairs in self.phrases:
            words = join_words(words, pairs)
        if self.drop_rare:
            ids = [self._ids[word] for word in words if word in self._ids]
        else:
            unknown = self._ids[UNKNOWN]
            ids = [self._ids.get(word, unknown) for word in words]
        return np.array(ids, np.int32)

    def to_config(self):
        return {
            **self.splitter.to_config(),
            "vocabulary": list(self.vocabulary),
            "drop_rare": self.drop_rare,
            "phrases": [sorted(map(list, pairs)) for pairs in self.phrases],
        }

    @classmethod
    def from_config(cls, config):
        names = ("lowercase", "punctuation", "numbers")
        return cls(
            WordSplitter(**{name: config[name] for name in names}),
            config["vocabulary"],
            drop_rare=config["drop_rare"],
            phrases=config["phrases"],
        )


class CharacterTokenizer(Tokenizer):
    """One id a character (a code point of Unicode).

    Args:
        vocabulary: Tokens by id, "<pad>" and "<unk>" first.
        lowercase: Whether texts are turned into lower case.

    Attributes:
        table: int32 `(0x110000,)`: the id of each code point.
    """

    def __init__(self, vocabulary, *, lowercase):
        self.vocabulary, self.lowercase = tuple(vocabulary), lowercase
        self.pad = self.vocabulary.index(PAD)
        self.end = self.vocabulary.index(END) if END in self.vocabulary else None
        unknown = self.vocabulary.index(UNKNOWN)
        self.table = np.full(0x110000, unknown, np.int32)
        for number, token in enumerate(self.vocabulary):
            if len(token) == 1:
                self.table[ord(token)] = number

    def encode(self, text):
        return self.table[code_points(text, self.lowercase)]

    def to_config(self):
        return {"vocabulary": list(self.vocabulary), "lowercase": self.lowercase}

    @classmethod
    def from_config(cls, config):
        return cls(config["vocabulary"], lowercase=config["lowercase"])


class WordPieceTokenizer(Tokenizer):
    """Words in pieces, of which all but the first begin with "##".

    Made and run by the package `tokenizers`.

    Args:
        model: JSON of a `tokenizers.Tokenizer`.
    """

    def __init__(self, model):
        self._model = wordpiece_library().Tokenizer.from_str(model)
        ids = self._model.get_vocab(with_added_tokens=True)
        self.vocabulary = tuple(sorted(ids, key=ids.get))
        self.pad, self.end = ids["[PAD]"], ids["[SEP]"]

    def encode(self, text):
        return np.array(self._model.encode(text, add_special_tokens=False).ids, np.int32)

    def encode_many(self, texts) -> list:
        """`encode` of each text, by all cores."""
        found = self._model.encode_batch(texts, add_special_tokens=False)
        return [np.array(one.ids, np.int32) for one in found]

    def to_config(self):
        return {"model": self._model.to_str()}

    @classmethod
    def from_config(cls, config):
        return cls(config["model"])

    @classmethod
    def trained(cls, texts, *, size, min_count, lowercase):
        """A tokenizer for some texts.

        Args:
            texts: Iterable of strings.
            size: Tokens at most, the five special ones counted.
            min_count: Times that a pair of pieces must occur to become one.
            lowercase: Whether case and accents are left out.
        """
        library = wordpiece_library()
        model = library.Tokenizer(library.models.WordPiece(unk_token="[UNK]"))
        model.normalizer = library.normalizers.BertNormalizer(lowercase=lowercase)
        model.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
        model.decoder = library.decoders.WordPiece()
        trainer = library.trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=min_count,
            special_tokens=list(PIECES),
            show_progress=False,
        )
        model.train_from_iterator(texts, trainer)
        return cls(model.to_str())


def lowered(text):
    """Lower case of each character by itself: a capital sigma is one letter everywhere."""
    return text.replace("Σ", "σ").lower()


def code_points(text, lowercase):
    """uint32 `(characters,)`."""
    text = lowered(text) if lowercase else text
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)


@functools.cache
def wordpiece_library():
    """The package `tokenizers`.

    Raises:
        DataError: If it is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise DataError(
            "WordPiece needs the package tokenizers. Received: an environment without it "
            f"({error}). Install it: pip install 'sslkeras[text]'."
        ) from error
    return tokenizers


_TYPES = {one.__name__: one for one in (WordTokenizer, CharacterTokenizer, WordPieceTokenizer)}


def from_json(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote.

    Raises:
        ConfigurationError: If the text is anything else.
    """
    try:
        config = json.loads(text)
        return _TYPES[config["type"]].from_config(config)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "A tokenizer must be the JSON that sslkeras wrote. Received: "
            f"{text[:80]!r} ({error}). Restore the file."
        ) from error
