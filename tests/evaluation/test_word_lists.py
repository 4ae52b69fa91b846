"""Tests of sslkeras.evaluation.word_lists."""

import pytest

from sslkeras.errors import DataError
from sslkeras.evaluation.word_lists import read_analogies, read_pairs


def file(folder, text):
    path = folder / "words.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        "Word 1,Word 2,Human (mean)\nTiger,cat,7.35\ntiger,tiger,10\n",
        "Tiger\tcat\t7.35\textra\r\n\r\ntiger\ttiger\t10\textra\r\n",
        "# A comment.\n\ufeffTiger , cat , 7.35\ntiger,tiger,1e1".replace("\ufeff", ""),
    ],
)
def test_pairs_are_read_from_commas_and_tabs(tmp_path, text):
    assert read_pairs(file(tmp_path, text)) == [("tiger", "cat", 7.35), ("tiger", "tiger", 10.0)]
    assert read_pairs(file(tmp_path, text), lowercase=False)[0][0] == "Tiger"


def test_analogies_are_read_with_their_sections(tmp_path):
    text = ": capital\nAthens Greece Oslo Norway\n\n: gram1\na b c d\n"

    assert read_analogies(file(tmp_path, text)) == [
        ("capital", "athens", "greece", "oslo", "norway"),
        ("gram1", "a", "b", "c", "d"),
    ]


@pytest.mark.parametrize(
    "read, text, message",
    [
        (read_pairs, "a,b,1\na,b\n", "word, word, score.*line 2"),
        (read_pairs, "a,b,1\na,b,high\n", "Received: 'a,b,high'"),
        (read_pairs, "a,b,score\n", "must have a pair. Received: none"),
        (read_analogies, "a b c\n", "four words.*line 1.*Correct the file"),
        (read_analogies, ": section\n", "must have a question"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path, read, text, message):
    with pytest.raises(DataError, match=message):
        read(file(tmp_path, text))


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="can be read.*nowhere.*Correct `path`"):
        read_pairs(str(tmp_path / "nowhere"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_analogies(str(tmp_path / "binary"))
