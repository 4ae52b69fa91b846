"""Tests of sslkeras.text.tokenizer."""

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.text.tokenizer import (
    CharacterTokenizer,
    WordPieceTokenizer,
    WordSplitter,
    WordTokenizer,
    from_json,
)

TEXT = "Don't panic: 42 towels, 3rd_floor!"


def splitter(**arguments):
    return WordSplitter(**{"lowercase": True, "punctuation": True, "numbers": "keep", **arguments})


def words_of(text, **arguments):
    split = splitter(**arguments)
    return [word for word in map(split.normalised, split(text)) if word is not None]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, "don't panic : 42 towels , 3rd _ floor !"),
        ({"lowercase": False}, "Don't panic : 42 towels , 3rd _ floor !"),
        ({"punctuation": False}, "don't panic 42 towels 3rd floor"),
        (
            {"punctuation": False, "numbers": "merge"},
            "don't panic <number> towels <number> floor",
        ),
        ({"punctuation": False, "numbers": "drop"}, "don't panic towels floor"),
    ],
)
def test_words(arguments, expected):
    assert words_of(TEXT, **arguments) == expected.split()


def test_letters_of_all_scripts_make_words():
    assert words_of("Größe naïve 東京 über-all") == ["größe", "naïve", "東京", "über", "-", "all"]


def test_rare_words_are_unknown_or_left_out():
    vocabulary = ("<pad>", "<unk>", "a", "b")

    kept = WordTokenizer(splitter(), vocabulary).encode("a x b")
    dropped = WordTokenizer(splitter(), vocabulary, drop_rare=True).encode("a x b")

    assert kept.tolist() == [2, 1, 3] and dropped.tolist() == [2, 3]


def test_phrases_are_joined_pass_by_pass():
    vocabulary = ("<pad>", "<unk>", "new_york", "new_york_times", "the")
    phrases = [[("new", "york")], [("new_york", "times")]]

    tokens = WordTokenizer(splitter(), vocabulary, phrases=phrases).encode("The New York Times")

    assert tokens.tolist() == [4, 3]


def test_characters():
    tokenizer = CharacterTokenizer(("<pad>", "<unk>", "a", "é"), lowercase=True)

    assert tokenizer.encode("Aéx").tolist() == [2, 3, 1] and tokenizer.pad == 0


@pytest.fixture(scope="module")
def pieces():
    texts = ["walking talking walked talked jumping jumped"] * 20
    return WordPieceTokenizer.trained(texts, size=60, min_count=2, lowercase=True)


def test_word_pieces_join_to_the_words(pieces):
    assert pieces.vocabulary[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    ids = pieces.encode("Walked  jumping")
    words = "".join(
        piece if piece.startswith("##") else f" {piece}"
        for piece in (pieces.vocabulary[number] for number in ids)
    )
    assert words.replace("##", "").split() == ["walked", "jumping"]
    assert [one.tolist() for one in pieces.encode_many(["walked", "jumping"])] == [
        pieces.encode("walked").tolist(),
        pieces.encode("jumping").tolist(),
    ]


def test_begins_word_is_false_for_pieces_in_a_word_only(pieces):
    expected = [not token.startswith("##") for token in pieces.vocabulary]

    assert pieces.begins_word.tolist() == expected and not all(expected)


def test_each_kind_comes_back_from_json(pieces):
    kinds = [
        WordTokenizer(
            splitter(numbers="merge"),
            ("<pad>", "<unk>", "<eos>", "a_b"),
            drop_rare=True,
            phrases=[[("a", "b")]],
        ),
        CharacterTokenizer(("<pad>", "<unk>", "a"), lowercase=False),
        pieces,
    ]
    for one in kinds:
        again = from_json(one.to_json())

        assert again == one and again.vocabulary == one.vocabulary and again.end == one.end
        np.testing.assert_array_equal(again.encode("a b walked"), one.encode("a b walked"))
    assert kinds[0] != kinds[1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": "object"}', '{"type": "str"}'])
def test_anything_else_is_no_tokenizer(text):
    with pytest.raises(ConfigurationError, match="JSON that sslkeras wrote"):
        from_json(text)
