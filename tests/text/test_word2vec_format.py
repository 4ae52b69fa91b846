"""Tests of sslkeras.text.word2vec_format."""

import types

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.text import save_word_vectors

WORDS = ("<unk>", "naïve", "cat", "日本")
VECTORS = np.array(
    [[0.1, -1e-30], [3.0, 1 / 3], [np.float32(2**-149), 16777217.0], [-0.0, 5.5]], np.float32
)


def run_with(words=WORDS, vectors=VECTORS):
    task = types.SimpleNamespace(word_vectors=lambda model: (words, vectors))
    return types.SimpleNamespace(task=task, model=None, config={"task": {"name": "toy"}})


def read_text(path):
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    rows = [line.split(" ") for line in lines[1:]]
    vectors = np.array([row[1:] for row in rows], np.float32)
    assert lines[0] == f"{len(rows)} {vectors.shape[1]}"
    return tuple(row[0] for row in rows), vectors


def read_binary(path):
    """As the released word2vec does: a word up to the space, numbers, a line end."""
    head, _, rest = path.read_bytes().partition(b"\n")
    count, width = map(int, head.split())
    words, vectors = [], []
    for _ in range(count):
        word, _, rest = rest.partition(b" ")
        words.append(word.decode())
        vectors.append(np.frombuffer(rest[: 4 * width], "<f4"))
        assert rest[4 * width : 4 * width + 1] == b"\n"
        rest = rest[4 * width + 1 :]
    assert rest == b""
    return tuple(words), np.array(vectors)


@pytest.mark.parametrize(
    ("name", "binary", "read"),
    [
        ("words.txt", None, read_text),
        ("words.bin", None, read_binary),
        ("words.bin", False, read_text),
        ("words", True, read_binary),
    ],
)
def test_words_and_vectors_come_back_to_the_bit(tmp_path, name, binary, read):
    path = save_word_vectors(run_with(), tmp_path / name, binary=binary)

    words, vectors = read(path)

    assert words == WORDS
    assert vectors.tobytes() == VECTORS.tobytes()
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_both(tmp_path, binary):
    models = pytest.importorskip("gensim.models", reason="gensim is not needed elsewhere")
    path = save_word_vectors(run_with(), tmp_path / "words", binary=binary)

    found = models.KeyedVectors.load_word2vec_format(str(path), binary=binary)

    assert tuple(found.index_to_key) == WORDS
    np.testing.assert_array_equal(found.vectors, VECTORS)


@pytest.mark.parametrize("word", ["two words", "", " ", "line\n", "\u00a0"])
def test_words_that_the_format_cannot_hold_are_refused(tmp_path, word):
    with pytest.raises(DataError, match="without white space and not empty. Received"):
        save_word_vectors(run_with((*WORDS[:3], word)), tmp_path / "words.txt")

    assert not list(tmp_path.iterdir())


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(DataError, match="Word vectors must be finite"):
        save_word_vectors(run_with(vectors=VECTORS * np.nan), tmp_path / "words.txt")


def test_a_task_without_word_vectors_and_a_missing_folder_are_refused(tmp_path):
    run = run_with()
    with pytest.raises(ConfigurationError, match="The folder of the file must exist"):
        save_word_vectors(run, tmp_path / "none" / "words.txt")
    run.task = object()
    with pytest.raises(ConfigurationError, match="a run of the task 'toy'"):
        save_word_vectors(run, tmp_path / "words.txt")
