"""Tests of sslkeras.text.corpus and sslkeras.text.token_store."""

import collections

import numpy as np
import pytest

from sslkeras.errors import DataError
from sslkeras.text import corpus, token_store
from sslkeras.text.corpus import Piece, Rules
from sslkeras.text.token_store import Tokens

RULES = {
    "tokens": "words",
    "lowercase": True,
    "punctuation": True,
    "numbers": "keep",
    "rare": "unknown",
    "min_count": 1,
    "max_vocab": None,
    "separator": False,
    "phrases": (),
    "phrase_discount": 5.0,
}


@pytest.fixture(autouse=True, params=[3, 1 << 22], ids=["small chunks", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(token_store, "CHUNK", request.param)


def built(folder, texts, **rules):
    """The tokenizer, and the documents of both splits as lists of tokens."""
    pieces = [text if isinstance(text, Piece) else Piece(text, True, False, -1) for text in texts]
    tokenizer = corpus.build(folder, Rules(**{**RULES, **rules}), lambda: iter(pieces))
    documents = []
    for part in ("train", "test"):
        stored = Tokens(folder, part)
        words = [tokenizer.vocabulary[number] for number in stored.tokens]
        begins = [0, *stored.ends[:-1]]
        documents.append([words[begin:end] for begin, end in zip(begins, stored.ends)])
    return tokenizer, *documents


def test_the_vocabulary_is_of_the_train_split_by_frequency(tmp_path):
    texts = ["c b b a b", "a c", Piece("x x x x x a", True, True, -1)]

    tokenizer, train, test = built(tmp_path, texts)

    # b 3 times; c and a twice, c came first.
    assert tokenizer.vocabulary == ("<pad>", "<unk>", "b", "c", "a")
    assert train == [["c", "b", "b", "a", "b"], ["a", "c"]]
    assert test == [["<unk>"] * 5 + ["a"]]


def test_counts(tmp_path):
    tokenizer, *_ = built(tmp_path, ["c b b a b", "a c"])

    counts = Tokens(tmp_path, "train").counts(len(tokenizer.vocabulary))

    assert counts.tolist() == [0, 0, 3, 2, 2]


def test_a_document_comes_in_pieces(tmp_path):
    texts = [
        Piece("a b", False, False, 4),
        Piece(" c", True, False, 4),
        Piece("b", True, False, 7),
    ]

    _, train, _ = built(tmp_path, texts)

    assert train == [["a", "b", "c"], ["b"]]
    assert Tokens(tmp_path, "train").labels.tolist() == [4, 7]


@pytest.mark.parametrize(
    "rare, expected",
    [
        ("unknown", [["a", "<unk>", "a"], ["<unk>", "<unk>"], [], ["b", "b", "a"]]),
        ("drop", [["a", "a"], [], [], ["b", "b", "a"]]),
    ],
)
def test_rare_words(tmp_path, rare, expected):
    _, train, _ = built(tmp_path, ["a x a", "y z", "", "b b a"], rare=rare, min_count=2)

    assert train == expected


def test_the_vocabulary_can_be_cut(tmp_path):
    tokenizer, *_ = built(tmp_path, ["a a a b b c"], max_vocab=2)

    assert tokenizer.vocabulary == ("<pad>", "<unk>", "a", "b")


def test_a_separator_stands_at_each_end_of_a_document(tmp_path):
    _, train, _ = built(tmp_path, ["a b", "a a b", "b"], separator=True)

    assert train == [["a", "b", "<eos>"], ["a", "a", "b", "<eos>"], ["b", "<eos>"]]


def test_numbers_are_dropped_before_windows_are_cut(tmp_path):
    _, train, _ = built(tmp_path, ["a 1 b 22 3", "7 7", "b"], numbers="drop")

    assert train == [["a", "b"], [], ["b"]]


def test_characters(tmp_path):
    tokenizer, train, _ = built(tmp_path, ["Abba\n"], tokens="characters", separator=True)

    # Of equally frequent characters the smaller code point comes first.
    assert tokenizer.vocabulary == ("<pad>", "<unk>", "<eos>", "a", "b", "\n")
    assert train == [["a", "b", "b", "a", "\n", "<eos>"]]


def test_word_pieces(tmp_path):
    texts = ["walking talking walked talked"] * 30 + [Piece("walk talk zq", True, True, 2)]

    tokenizer, train, test = built(
        tmp_path, texts, tokens="wordpiece", max_vocab=40, min_count=2, separator=True
    )

    assert "".join(train[0]).replace("##", "") == "walkingtalkingwalkedtalked[SEP]"
    assert test[0][-2:] == ["[UNK]", "[SEP]"]
    assert Tokens(tmp_path, "test").labels.tolist() == [2]
    assert len(tokenizer.vocabulary) <= 40


def test_phrases_equal_those_of_a_plain_reference(tmp_path):
    random = np.random.default_rng(0)
    texts = []
    for _ in range(40):
        words = random.choice(list("abcdefgh"), random.integers(0, 12)).tolist()
        # Some pairs occur far more often than their words do by chance.
        texts.append(" ".join(words).replace("a", "a b").replace("c", "c d a"))
    thresholds, discount = (1.5, 1.2), 2.0

    _, train, _ = built(tmp_path, texts, phrases=thresholds, phrase_discount=discount, min_count=3)

    documents = [text.split() for text in texts]
    for threshold in thresholds:
        counts = collections.Counter(word for words in documents for word in words)
        pairs = collections.Counter(pair for w in documents for pair in zip(w, w[1:]))
        total = sum(counts.values())
        phrases = {
            (a, b)
            for (a, b), n in pairs.items()
            if min(counts[a], counts[b]) >= 3
            and (n - discount) / (counts[a] * counts[b]) * total > threshold
        }
        joined = []
        for words in documents:
            new, place = [], 0
            while place < len(words):
                if tuple(words[place : place + 2]) in phrases:
                    new.append("_".join(words[place : place + 2]))
                    place += 2
                else:
                    new.append(words[place])
                    place += 1
            joined.append(new)
        documents = joined
    counts = collections.Counter(word for words in documents for word in words)
    expected = [[w if counts[w] >= 3 else "<unk>" for w in words] for words in documents]
    assert train == expected
    assert any(word.count("_") > 1 for words in train for word in words)


def test_the_tokenizer_joins_the_same_phrases(tmp_path):
    texts = ["new york is new", "in new york", "york new york"] * 3

    tokenizer, train, _ = built(tmp_path, texts, phrases=(1.0,), phrase_discount=0.0)

    found = [[tokenizer.vocabulary[n] for n in tokenizer.encode(text)] for text in texts]
    assert found == train and train[0][0] == "new_york"


def test_too_small_a_vocabulary_is_refused(tmp_path):
    with pytest.raises(DataError, match="1 of 3 that occur at least min_count=2"):
        built(tmp_path, ["a a b c"], min_count=2)
