"""Texts as token ids on disk, with a tokeniser that is trained on the train split.

Texts are read once or twice as a stream and never held; different words are.
"""

import dataclasses
import pathlib
import typing

import numpy as np

from sslkeras.errors import DataError
from sslkeras.text.phrases import PairCounts, first_of_phrase, pair_keys, pair_of
from sslkeras.text.token_store import Tokens, TokenWriter
from sslkeras.text.tokenizer import (
    END,
    PAD,
    UNKNOWN,
    CharacterTokenizer,
    WordPieceTokenizer,
    WordSplitter,
    WordTokenizer,
    code_points,
)

PARTS = ("train", "test")
# Texts that WordPiece turns into ids in one call.
_TEXTS = 2000


class Piece(typing.NamedTuple):
    """A part of a document, cut between two words.

    Attributes:
        text: The text.
        ends: Whether the document ends here.
        held_out: Whether it belongs to the test split.
        label: Its class, or -1.
    """

    text: str
    ends: bool
    held_out: bool
    label: int


@dataclasses.dataclass(frozen=True)
class Rules:
    """How texts become tokens; see `sslkeras.datasets.texts.Texts` for what each means."""

    tokens: str
    lowercase: bool
    punctuation: bool
    numbers: str
    rare: str
    min_count: int
    max_vocab: int | None
    separator: bool
    phrases: tuple
    phrase_discount: float


def build(folder, rules: Rules, pieces):
    """Writes the tokens of both splits below `folder`.

    Args:
        folder: An empty folder.
        rules: The `Rules`.
        pieces: `pieces()` gives an iterator of `Piece`s, the same in each call.

    Returns:
        The `Tokenizer`.

    Raises:
        DataError: If the vocabulary has fewer than two tokens.
    """
    folder = pathlib.Path(folder)
    if rules.tokens == "wordpiece":
        return _build_pieces(folder, rules, pieces)
    (folder / "raw").mkdir()
    if rules.tokens == "words":
        names = _write_words(folder / "raw", rules, pieces())
    else:
        names = _write_characters(folder / "raw", rules, pieces())
    phrases = []
    for number, threshold in enumerate(rules.phrases):
        (folder / f"raw{number}").mkdir()
        phrases.append(_join(folder, number, names, threshold, rules))
    raw = _raw_folder(folder, len(phrases))
    table, vocabulary = _vocabulary(names, Tokens(raw, "train").counts(len(names)), rules)
    for part in PARTS:
        _write_ids(raw, folder, part, table, rules, vocabulary)
    for path in sorted(folder.glob("raw*/*")):
        path.unlink()
    if rules.tokens == "characters":
        return CharacterTokenizer(vocabulary, lowercase=rules.lowercase)
    return WordTokenizer(
        _splitter(rules), vocabulary, drop_rare=rules.rare == "drop", phrases=phrases
    )


def _splitter(rules):
    return WordSplitter(
        lowercase=rules.lowercase, punctuation=rules.punctuation, numbers=rules.numbers
    )


def _raw_folder(folder, passes):
    return folder / (f"raw{passes - 1}" if passes else "raw")


class _WordNumbers(dict):
    """A number for each word, given when it is first asked for; -1 for those left out."""

    def __init__(self, normalised):
        super().__init__()
        self._normalised, self.names = normalised, []
        self._numbers = {}

    def __missing__(self, word):
        name = self._normalised(word)
        number = -1
        if name is not None:
            number = self._numbers.setdefault(name, len(self.names))
            if number == len(self.names):
                self.names.append(name)
        self[word] = number
        return number


def _write_words(folder, rules, pieces):
    """Words by number of first occurrence; returns their names."""
    split = _splitter(rules)
    numbers = _WordNumbers(split.normalised)
    writers = [TokenWriter(folder, part) for part in PARTS]
    for piece in pieces:
        words = split(piece.text)
        ids = np.fromiter(map(numbers.__getitem__, words), np.int32, len(words))
        writers[piece.held_out].add(ids if rules.numbers != "drop" else ids[ids >= 0])
        if piece.ends:
            writers[piece.held_out].end_document(piece.label)
    for writer in writers:
        writer.close()
    return numbers.names


def _write_characters(folder, rules, pieces):
    """Characters by code point; returns all of these."""
    writers = [TokenWriter(folder, part) for part in PARTS]
    for piece in pieces:
        writers[piece.held_out].add(code_points(piece.text, rules.lowercase).astype(np.int32))
        if piece.ends:
            writers[piece.held_out].end_document(piece.label)
    for writer in writers:
        writer.close()
    return _Characters()


class _Characters:
    """The names of all code points, made when they are asked for."""

    def __len__(self):
        return 0x110000

    def __getitem__(self, number):
        return chr(number)


def _join(folder, number, names, threshold, rules):
    """One pass over phrases; adds their names and returns the pairs of words."""
    source, target = _raw_folder(folder, number), _raw_folder(folder, number + 1)
    train = Tokens(source, "train")
    pairs = PairCounts()
    last = np.zeros(0, np.int32)
    for begin, chunk in _with_place(train):
        keys = pair_keys(np.concatenate([last, chunk]))
        pairs.add(keys[_within_documents(begin - len(last), len(keys), train.ends)])
        last = chunk[-1:]
    phrases = pairs.phrases(
        train.counts(len(names)),
        threshold=threshold,
        discount=rules.phrase_discount,
        min_count=rules.min_count,
    )
    found = [(names[a], names[b]) for a, b in zip(*pair_of(phrases))]
    # (a, b_c) and (a_b, c) are the same phrase.
    numbers = {name: number for number, name in enumerate(names)}
    for first, second in found:
        name = f"{first}_{second}"
        if numbers.setdefault(name, len(names)) == len(names):
            names.append(name)
    joined = np.array([numbers[f"{first}_{second}"] for first, second in found], np.int32)
    for part in PARTS:
        _write_joined(source, target, part, phrases, joined)
    return found


def _with_place(stored):
    begin = 0
    for chunk in stored.chunks():
        yield begin, chunk
        begin += len(chunk)


def _within_documents(begin, count, ends):
    """bool `(count,)`: whether the pair of tokens at begin, begin + 1, ... is of one document."""
    inside = np.ones(count, bool)
    last = ends - 1 - begin
    inside[last[(last >= 0) & (last < count)]] = False
    return inside


def _write_joined(source, target, part, phrases, numbers):
    """Joins the pairs of `phrases` (sorted keys) to words of the given numbers."""
    stored, writer = Tokens(source, part), TokenWriter(target, part)
    ends = np.empty_like(stored.ends)
    waiting, written = np.zeros(0, np.int32), 0
    for begin, chunk in _with_place(stored):
        begin -= len(waiting)
        chunk = np.concatenate([waiting, chunk])
        keys = pair_keys(chunk)
        place = np.searchsorted(phrases, keys)
        joins = np.zeros(len(keys), bool)
        if len(phrases):
            joins = phrases[np.minimum(place, len(phrases) - 1)] == keys
        joins &= _within_documents(begin, len(keys), stored.ends)
        is_last = begin + len(chunk) == len(stored.tokens)
        # A run of phrases may go on in the next chunk: it is left for that.
        apart = np.flatnonzero(~joins)
        cut = len(chunk) if is_last else int(apart[-1]) + 1 if len(apart) else 0
        taken = first_of_phrase(joins[: max(cut - 1, 0)])
        firsts = np.concatenate([taken, np.zeros(cut - len(taken), bool)])
        seconds = np.concatenate([[False], firsts[:-1]])[:cut]
        joined = chunk[:cut].copy()
        joined[firsts] = numbers[place[: max(cut - 1, 0)][taken]]
        kept = np.cumsum(~seconds)
        of_chunk = (stored.ends > begin) & (stored.ends <= begin + cut)
        ends[of_chunk] = written + kept[stored.ends[of_chunk] - begin - 1]
        # Empty documents before the first token.
        ends[stored.ends == 0] = 0
        writer.add(joined[~seconds])
        written += int(kept[-1]) if cut else 0
        waiting = chunk[cut:]
    if not len(stored.tokens):
        ends[:] = 0
    writer.end_documents(ends, stored.labels)
    writer.close()


def _vocabulary(names, counts, rules):
    """Raw number to id (-1 for left out), and the tokens by id: the most frequent first."""
    # Equal counts: in order of first occurrence.
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] >= rules.min_count][: rules.max_vocab]
    if len(order) < 2:
        known = int((counts > 0).sum())
        raise DataError(
            "A vocabulary must have two or more tokens beside the special ones. Received: "
            f"{len(order)} of {known} that occur at least min_count={rules.min_count} times. "
            "Give more text, or a smaller `min_count`."
        )
    special = [PAD, UNKNOWN] + ([END] if rules.separator else [])
    table = np.full(len(names), -1 if rules.rare == "drop" else 1, np.int32)
    table[order] = np.arange(len(special), len(special) + len(order))
    return table, (*special, *(names[number] for number in order))


def _write_ids(source, target, part, table, rules, vocabulary):
    """Raw numbers as ids, without what is left out, with a token at each end of a document."""
    stored, writer = Tokens(source, part), TokenWriter(target, part)
    ends = np.zeros_like(stored.ends)
    # Empty documents at the beginning have their ends there, too.
    ended, written = 0, 0
    end_id = np.int32(vocabulary.index(END)) if rules.separator else None
    for begin, chunk in _with_place(stored):
        ids = table[chunk]
        kept = np.concatenate([[0], np.cumsum(ids >= 0)])
        is_last = begin + len(chunk) == len(stored.tokens)
        limit = len(stored.ends) if is_last else np.searchsorted(stored.ends, begin + len(chunk))
        here = kept[stored.ends[ended:limit] - begin]
        ids = ids[ids >= 0]
        if rules.separator:
            ids = np.insert(ids, here, end_id)
            here = here + np.arange(1, len(here) + 1)
        ends[ended:limit] = written + here
        writer.add(ids)
        written, ended = written + len(ids), limit
    writer.end_documents(ends, stored.labels)
    writer.close()


def _build_pieces(folder, rules, pieces):
    tokenizer = WordPieceTokenizer.trained(
        (piece.text for piece in pieces() if not piece.held_out),
        size=rules.max_vocab,
        min_count=rules.min_count,
        lowercase=rules.lowercase,
    )
    writers = [TokenWriter(folder, part) for part in PARTS]
    waiting = []

    def write():
        encoded = tokenizer.encode_many([piece.text for piece in waiting])
        for piece, ids in zip(waiting, encoded):
            writer = writers[piece.held_out]
            writer.add(ids)
            if piece.ends:
                if rules.separator:
                    writer.add(np.array([tokenizer.end], np.int32))
                writer.end_document(piece.label)
        waiting.clear()

    for piece in pieces():
        waiting.append(piece)
        if len(waiting) == _TEXTS:
            write()
    write()
    for writer in writers:
        writer.close()
    return tokenizer
