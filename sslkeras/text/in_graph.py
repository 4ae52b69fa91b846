"""Tokenizers as TensorFlow ops: a model that takes raw texts and needs nothing but TensorFlow.

Each gives the ids that `Tokenizer.encode` gives. What Unicode says of a character, and what the
package `tokenizers` makes of it, is asked once for all characters when the layer is built, and
kept in tables; there are no lookup resources, so that a SavedModel holds all of it.
"""

import functools
import json

import keras
import numpy as np
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.text.phrases import JOINT
from sslkeras.text.tokenizer import (
    NUMBER,
    UNKNOWN,
    CharacterTokenizer,
    WordPieceTokenizer,
    WordTokenizer,
    from_json,
    lowered,
    wordpiece_library,
)

_CODES, _PAGE = 0x110000, 256
# Edges of the trie: node times this plus character.
_SIGNS = 1 << 21
_SURROGATES = range(0xD800, 0xE000)
# Kinds of characters: between words, part of a word, a word alone, joins two parts of a word.
_GAP, _PART, _ALONE, _INNER = range(4)
# Between the words of a pair, as no word holds it.
_BETWEEN = "\x1f"
# Private characters that stand for special tokens written out in a text.
_FIRST_SPECIAL = 0x10F000
_REPLACEMENT = "\ufffd"


@keras.saving.register_keras_serializable(package="sslkeras")
class TextToIds(keras.layers.Layer):
    """Texts as ids, as the tokenizer of a run makes them.

    Takes a string tensor `(batch,)`, UTF-8, and gives int32 `(batch, length)`, padding behind the
    tokens. Tokens behind the first `length` are cut off.

    Args:
        tokenizer: JSON of a `Tokenizer` (`to_json`).
        length: Tokens of a text; None for those of the longest text of the batch.

    Raises:
        ConfigurationError: If the JSON is no tokenizer, or one that cannot be put into a graph.
    """

    def __init__(self, tokenizer, length=None, **kwargs):
        super().__init__(**{"dtype": "int32", **kwargs})
        self.tokenizer, self.length = tokenizer, length
        made = from_json(tokenizer)
        self._pad, self._ids_of = made.pad, _in_graph(made)

    def call(self, texts):
        texts = tf.reshape(texts, [-1])
        return self._ids_of(texts).to_tensor(self._pad, shape=[None, self.length])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.length)

    def get_config(self):
        return {**super().get_config(), "tokenizer": self.tokenizer, "length": self.length}


def from_texts(encoder, tokenizer) -> keras.Model:
    """An encoder of ids as an encoder of raw texts.

    Args:
        encoder: A model that takes int32 ids `(batch, length)`.
        tokenizer: The `Tokenizer` that made the ids it was trained on.

    Returns:
        `keras.Model` from strings `(batch,)` to what `encoder` gives. Saved as `.keras` it needs
        `sslkeras.load_encoder`; exported as a SavedModel it needs TensorFlow alone.

    Raises:
        ConfigurationError: If the encoder takes anything else, or the tokenizer cannot be put
            into a graph.
    """
    shape = encoder.input_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ConfigurationError(
            f"An encoder of texts must take ids (batch, length). Received: one that takes {shape}. "
            "Choose an encoder that reads tokens."
        )
    texts = keras.Input((), dtype="string", name="texts")
    ids = TextToIds(tokenizer.to_json(), shape[1], name="ids")(texts)
    return keras.Model(texts, encoder(ids), name=f"{encoder.name}_of_texts")


def _in_graph(tokenizer):
    """A function from strings `(batch,)` to ragged int32 `(batch, tokens)`."""
    for kind, make in (
        (WordTokenizer, _Words),
        (CharacterTokenizer, _Characters),
        (WordPieceTokenizer, _Pieces),
    ):
        if isinstance(tokenizer, kind):
            return make(tokenizer)
    raise ConfigurationError(
        "A tokenizer in a graph must be one of words, characters or WordPiece. Received: "
        f"{type(tokenizer).__name__}. Encode the texts before the model."
    )


class _Characters:
    def __init__(self, tokenizer):
        self._change = _lower_case() if tokenizer.lowercase else None
        self._ids = _Table(tokenizer.table)

    def __call__(self, texts):
        codes = _decoded(texts)
        if self._change is not None:
            codes = self._change(codes)
        return codes.with_flat_values(self._ids(codes.flat_values))


class _Words:
    def __init__(self, tokenizer):
        splitter = tokenizer.splitter
        self._change = _lower_case() if splitter.lowercase else None
        self._kinds = _Table(_word_kinds(splitter.punctuation))
        self._inner_else = _ALONE if splitter.punctuation else _GAP
        self._digits = _Table(_marked(str.isdecimal))
        self._numbers, self._drop_rare = splitter.numbers, tokenizer.drop_rare
        self._pairs = [
            _Membership([_BETWEEN.join(pair) for pair in sorted(pairs)])
            for pairs in tokenizer.phrases
        ]
        self._vocabulary = _Membership(tokenizer.vocabulary)
        self._unknown = tokenizer.vocabulary.index(UNKNOWN)

    def __call__(self, texts):
        codes = _decoded(texts)
        if self._change is not None:
            codes = self._change(codes)
        codes, rows = _with_gaps(codes)
        kinds = self._kinds(codes)
        joins = (
            (kinds == _INNER) & (tf.roll(kinds, 1, 0) == _PART) & (tf.roll(kinds, -1, 0) == _PART)
        )
        kinds = tf.where(joins, _PART, tf.where(kinds == _INNER, self._inner_else, kinds))
        inside, begins, word = _words_of(kinds)
        spelled = tf.RaggedTensor.from_value_rowids(
            tf.boolean_mask(codes, inside),
            tf.boolean_mask(word, inside),
            nrows=tf.reduce_sum(tf.cast(begins, tf.int64)),
        )
        words, rows = tf.strings.unicode_encode(spelled, "UTF-8"), tf.boolean_mask(rows, begins)
        if self._numbers != "keep":
            number = self._digits(tf.boolean_mask(codes, begins)) > 0
            if self._numbers == "merge":
                words = tf.where(number, NUMBER, words)
            else:
                words, rows = (tf.boolean_mask(part, ~number) for part in (words, rows))
        for pairs in self._pairs:
            words, rows = _joined(words, rows, pairs)
        ids = self._vocabulary(words)
        if self._drop_rare:
            known = ids >= 0
            ids, rows = tf.boolean_mask(ids, known), tf.boolean_mask(rows, known)
        else:
            ids = tf.where(ids < 0, self._unknown, ids)
        return _by_row(ids, rows, texts)


class _Pieces:
    """Greedy WordPiece: of each word the longest piece, then the longest of what is left.

    The longest piece at every character is found for all characters together by a walk through
    a trie, which has one root for beginnings of words and one for what follows ("##"). Then all
    words jump from piece to piece together.
    """

    def __init__(self, tokenizer):
        config = json.loads(tokenizer.to_config()["model"])
        for part, kind in (
            ("normalizer", "BertNormalizer"),
            ("pre_tokenizer", "BertPreTokenizer"),
            ("model", "WordPiece"),
        ):
            if (config[part] or {}).get("type") != kind:
                raise ConfigurationError(
                    f"WordPiece in a graph must have the {part} {kind}. Received: "
                    f"{(config[part] or {}).get('type')}. Encode the texts before the model."
                )
        model = config["model"]
        prefix, ids = model["continuing_subword_prefix"], model["vocab"]
        self._longest_word = model["max_input_chars_per_word"]
        self._unknown = ids[model["unk_token"]]
        self._special = {one["content"]: one["id"] for one in config["added_tokens"]}
        stand_ins = range(_FIRST_SPECIAL, _FIRST_SPECIAL + len(self._special))
        rules = {name: rule for name, rule in config["normalizer"].items() if name != "type"}
        self._change, self._kinds = _bert_tables(len(self._special), **rules)
        pieces = [(token, number, 0) for token, number in ids.items()]
        pieces += [
            (token[len(prefix) :], number, 1)
            for token, number in ids.items()
            if token.startswith(prefix) and token != prefix
        ]
        pieces += [(chr(c), number, 0) for c, number in zip(stand_ins, self._special.values())]
        self._keys, self._targets, self._ids = _trie(pieces)

    def __call__(self, texts):
        for place in range(len(self._special)):
            texts = tf.strings.regex_replace(texts, chr(_FIRST_SPECIAL + place), _REPLACEMENT)
        for place, token in enumerate(self._special):
            quoted = "".join(f"\\x{{{ord(sign):x}}}" for sign in token)
            texts = tf.strings.regex_replace(texts, quoted, chr(_FIRST_SPECIAL + place))
        codes, rows = _with_gaps(self._change(_decoded(texts)))
        inside, begins, word = _words_of(self._kinds(codes))
        codes, rows, begins = (tf.boolean_mask(part, inside) for part in (codes, rows, begins))
        word = tf.boolean_mask(word, inside)
        ids, lengths = self._longest(codes, begins, word)
        starts = tf.cast(tf.where(begins)[:, 0], tf.int32)
        sizes = tf.math.bincount(tf.cast(word, tf.int32), minlength=tf.size(starts))
        shown, whole = self._jumps(starts, starts + sizes, lengths)
        whole &= sizes <= self._longest_word
        fine = tf.gather(whole, word)
        ids = tf.where(fine, ids, self._unknown)
        shown = tf.where(fine, shown, begins)
        return _by_row(tf.boolean_mask(ids, shown), tf.boolean_mask(rows, shown), texts)

    def _longest(self, codes, begins, word):
        """Id and length of the longest piece that begins at each character; length 0: none."""
        size = tf.size(codes)
        place = tf.range(size)
        keys, targets, known = (tf.constant(one) for one in (self._keys, self._targets, self._ids))

        def step(depth, node, ids, lengths):
            at = tf.minimum(place + depth, size - 1)
            open_ = (node >= 0) & (place + depth < size) & (tf.gather(word, at) == word)
            sign = tf.cast(tf.gather(codes, at), tf.int64)
            key = tf.cast(tf.maximum(node, 0), tf.int64) * _SIGNS + sign
            edge = tf.minimum(tf.searchsorted(keys, key), len(self._keys) - 1)
            found = open_ & (tf.gather(keys, edge) == key)
            node = tf.where(found, tf.gather(targets, edge), -1)
            piece = tf.where(found, tf.gather(known, tf.maximum(node, 0)), -1)
            ends = piece >= 0
            return (
                depth + 1,
                node,
                tf.where(ends, piece, ids),
                tf.where(ends, depth + 1, lengths),
            )

        roots = tf.where(begins, 0, 1)
        none = tf.zeros_like(roots)
        _, _, ids, lengths = tf.while_loop(
            lambda depth, node, ids, lengths: tf.reduce_any(node >= 0),
            step,
            (tf.constant(0), roots, none, none),
        )
        return ids, lengths

    def _jumps(self, starts, ends, lengths):
        """bool: which characters begin a piece, and which words are pieces to their end."""
        words = tf.range(tf.size(starts))

        def step(active, at, shown, whole):
            shown = tf.tensor_scatter_nd_update(shown, at[:, None], tf.ones_like(at, tf.bool))
            length = tf.gather(lengths, at)
            lost = tf.boolean_mask(active, length == 0)
            whole = tf.tensor_scatter_nd_update(whole, lost[:, None], tf.zeros_like(lost, tf.bool))
            goes_on = (length > 0) & (at + length < tf.gather(ends, active))
            return (
                tf.boolean_mask(active, goes_on),
                tf.boolean_mask(at + length, goes_on),
                shown,
                whole,
            )

        _, _, shown, whole = tf.while_loop(
            lambda active, at, shown, whole: tf.size(active) > 0,
            step,
            (words, starts, tf.zeros_like(lengths, tf.bool), tf.ones_like(words, tf.bool)),
            shape_invariants=(
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
            ),
        )
        return shown, whole


class _Table:
    """A value for each character, equal pages kept once."""

    def __init__(self, values):
        values = np.asarray(values)
        pages, self._page = np.unique(values.reshape(-1, _PAGE), axis=0, return_inverse=True)
        self._values, self._page = pages.reshape(-1), self._page.reshape(-1).astype(np.int32)

    def __call__(self, codes):
        page = tf.gather(self._page, codes // _PAGE)
        return tf.gather(self._values, page * _PAGE + codes % _PAGE)


class _Change:
    """Characters that become others, several or none.

    Args:
        changes: Code point to the string it becomes, of those that do not stay.
    """

    def __init__(self, changes):
        becomes = sorted(set(changes.values()))
        number = {text: place for place, text in enumerate(becomes, 1)}
        values = np.zeros(_CODES, np.int32)
        values[list(changes)] = [number[text] for text in changes.values()]
        self._rows = _Table(values)
        self._lengths = np.array([1, *map(len, becomes)], np.int32)
        width = int(self._lengths.max())
        self._codes = np.zeros((len(self._lengths), width), np.int32)
        for place, text in enumerate(becomes, 1):
            self._codes[place, : len(text)] = [ord(sign) for sign in text]

    def __call__(self, codes):
        flat = codes.flat_values
        row = self._rows(flat)
        made = tf.gather(self._codes, row)
        first = tf.where(row == 0, flat, made[:, 0])
        made = tf.concat([first[:, None], made[:, 1:]], axis=1)
        made = tf.RaggedTensor.from_tensor(made, tf.gather(self._lengths, row))
        return codes.with_values(made).merge_dims(1, 2)


class _Membership:
    """Places of strings in a list, -1 for others: by hash, then by comparison.

    Args:
        texts: Strings, each once.
    """

    def __init__(self, texts):
        self._buckets = 2**62
        texts = np.array([text.encode("utf-8") for text in texts] or [b""], object)
        hashes = self._hash(tf.constant(texts)).numpy()
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._texts = hashes[order], texts[order]
        self._places = order.astype(np.int32)
        if (np.diff(self._hashes) == 0).any():
            raise ConfigurationError(
                "Words in a graph must differ, and so must their hashes. Received: two words of "
                "one hash. Leave one of them out, or encode the texts before the model."
            )

    def _hash(self, texts):
        return tf.strings.to_hash_bucket_fast(texts, self._buckets)

    def __call__(self, texts):
        place = tf.searchsorted(self._hashes, self._hash(texts))
        place = tf.minimum(place, len(self._hashes) - 1)
        same = tf.gather(tf.constant(self._texts), place) == texts
        return tf.where(same, tf.gather(self._places, place), -1)


def _decoded(texts):
    return tf.strings.unicode_decode(texts, "UTF-8")


def _with_gaps(codes):
    """Flat characters with a space behind each text, so that texts do not touch; their rows."""
    spaces = tf.fill([codes.nrows(), 1], ord(" "))
    codes = tf.concat([codes, spaces], axis=1)
    return codes.flat_values, codes.value_rowids()


def _words_of(kinds):
    """Which characters are in words, which begin one, and the number of each one's word."""
    inside = kinds != _GAP
    begins = (kinds == _ALONE) | ((kinds == _PART) & (tf.roll(kinds, 1, 0) != _PART))
    return inside, begins, tf.cumsum(tf.cast(begins, tf.int64)) - 1


def _joined(words, rows, pairs):
    """`join_words` for many texts: see `phrases.first_of_phrase` for which are joined."""
    after, after_row = tf.roll(words, -1, 0), tf.roll(rows, -1, 0)
    place = tf.range(tf.size(words))
    joins = (
        (pairs(tf.strings.join([words, after], _BETWEEN)) >= 0)
        & (rows == after_row)
        & (place < tf.size(words) - 1)
    )
    begins = joins & ~(tf.roll(joins, 1, 0) & (place > 0))
    run = tf.maximum(tf.cumsum(tf.cast(begins, tf.int32)) - 1, 0)
    # One more, as there may be no run at all.
    begun = tf.concat([tf.where(begins)[:, 0], [0]], axis=0)
    first = joins & ((place - tf.gather(tf.cast(begun, tf.int32), run)) % 2 == 0)
    stays = ~(tf.roll(first, 1, 0) & (place > 0))
    words = tf.where(first, tf.strings.join([words, after], JOINT), words)
    return tf.boolean_mask(words, stays), tf.boolean_mask(rows, stays)


def _by_row(ids, rows, texts):
    return tf.RaggedTensor.from_value_rowids(ids, rows, nrows=tf.size(texts, tf.int64))


def _characters():
    return (*range(_SURROGATES.start), *range(_SURROGATES.stop, _CODES))


@functools.cache
def _marked(is_one):
    values = np.zeros(_CODES, np.int32)
    values[[code for code in _characters() if is_one(chr(code))]] = 1
    return values


@functools.cache
def _lower_case():
    """As `tokenizer.lowered`, which looks at each character by itself."""
    return _Change({c: lowered(chr(c)) for c in _characters() if lowered(chr(c)) != chr(c)})


@functools.cache
def _word_kinds(punctuation):
    """The kind of each character, as the pattern of `WordSplitter` sees it."""
    kinds = np.full(_CODES, _ALONE if punctuation else _GAP, np.int32)
    for code in _characters():
        sign = chr(code)
        if sign.isalnum():
            kinds[code] = _PART
        elif sign.isspace():
            kinds[code] = _GAP
    kinds[[ord("'"), ord("’")]] = _INNER
    return kinds


@functools.cache
def _bert_tables(specials, **rules):
    """What BERT makes of each character, and the kind of what it made.

    Args:
        specials: How many characters stand for special tokens, which stay and are alone.
        **rules: Of the library's `BertNormalizer`.
    """
    library = wordpiece_library()
    stand_ins = range(_FIRST_SPECIAL, _FIRST_SPECIAL + specials)
    codes = [code for code in _characters() if code != ord("|") and code not in stand_ins]
    normalizer = library.normalizers.BertNormalizer(**rules)
    made = normalizer.normalize_str("|".join(map(chr, codes))).split("|")
    changes = {c: text for c, text in zip(codes, made, strict=True) if text != chr(c)}

    kinds = np.full(_CODES, _GAP, np.int32)
    codes = _characters()
    splits = library.pre_tokenizers.BertPreTokenizer()
    # An "a" before each: what is part of a word joins it to the next, what is alone stands alone.
    for _, (begin, end) in splits.pre_tokenize_str("".join(f"a{chr(code)}" for code in codes)):
        if end - begin > 1:
            kinds[[codes[place // 2] for place in range(begin + 1 - begin % 2, end, 2)]] = _PART
        elif begin % 2:
            kinds[codes[begin // 2]] = _ALONE
    kinds[list(stand_ins)] = _ALONE
    return _Change(changes), _Table(kinds)


def _trie(pieces):
    """Sorted keys (node, character) of the edges, the nodes they lead to, the piece of each node.

    Args:
        pieces: Text, id and root (0 or 1) of each.
    """
    edges, ids = {}, {}
    for text, number, node in pieces:
        for sign in text:
            node = edges.setdefault(node * _SIGNS + ord(sign), len(edges) + 2)
        ids[node] = number
    keys = np.array(sorted(edges), np.int64)
    known = np.full(len(edges) + 2, -1, np.int32)
    known[list(ids)] = list(ids.values())
    return keys, np.array([edges[key] for key in keys], np.int32), known
