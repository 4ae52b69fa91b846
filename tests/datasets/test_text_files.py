"""Tests of sslkeras.datasets.text_files and sslkeras.datasets.texts."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.datasets import text_files, texts
from sslkeras.datasets.dataset import Order
from sslkeras.datasets.text_files import TextFiles
from sslkeras.errors import ConfigurationError, DataError, RunError


@pytest.fixture(autouse=True)
def own_cache_and_small_chunks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(text_files, "_CHUNK", 16)


@pytest.fixture
def lines(tmp_path):
    """Ten lines "w0", "w1 w1", "w2 w2 w2", ..."""
    path = tmp_path / "lines.txt"
    path.write_text("".join(f"w{n} " * (n + 1) + "\n" for n in range(10)))
    return path


def opened(path, **arguments):
    return TextFiles(path, **{"min_count": 1, "length": 4, **arguments})


def windows(split, vocabulary):
    """Each window as text, without its padding."""
    (batch,) = split.batches(1000)
    tokens = zip(batch["tokens"].numpy(), batch["num_tokens"].numpy())
    return [" ".join(vocabulary[n] for n in row[:count]) for row, count in tokens]


def texts_of(data):
    return windows(data.train, data.vocabulary), windows(data.test, data.vocabulary)


def test_windows_do_not_cross_documents(lines):
    data = opened(lines, documents="lines", test_fraction=0)

    found = windows(data.train, data.vocabulary)

    assert found[:6] == ["w0", "w1 w1", "w2 w2 w2", "w3 w3 w3 w3", "w4 w4 w4 w4", "w4"]
    assert data.train.features["tokens"].shape == (4,)
    (batch,) = data.train.batches(1000)
    assert batch["tokens"].numpy()[0].tolist() == [data.vocabulary.index("w0"), 0, 0, 0]


@pytest.mark.parametrize(
    "length, stride, expected",
    [
        (3, 3, ["a b c", "d e"]),
        (3, 1, ["a b c", "b c d", "c d e"]),
        (3, 2, ["a b c", "c d e"]),
        (2, 3, ["a b", "d e"]),
        (5, 5, ["a b c d e"]),
        (9, 9, ["a b c d e"]),
    ],
)
def test_windows_and_their_stride(tmp_path, length, stride, expected):
    path = tmp_path / "a.txt"
    path.write_text("a b c d e")

    data = opened(path, length=length, stride=stride, test_fraction=0)

    assert windows(data.train, data.vocabulary) == expected


def test_packed_windows_are_full_and_cross_documents(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a b\nc d e\nf\n")

    data = opened(
        path, documents="lines", length=3, stride=2, pack=True, separator=True, test_fraction=0
    )

    assert windows(data.train, data.vocabulary) == [
        "a b <eos>",
        "<eos> c d",
        "d e <eos>",
        "<eos> f <eos>",
    ]


def test_tokens_of_packed_windows_know_their_document(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a b\nc d e\nf\n")

    data = opened(path, documents="lines", length=3, pack=True, test_fraction=0)
    (batch,) = data.train.batches(9)

    assert batch["document"].numpy().tolist() == [[0, 0, 1], [0, 0, 1]]
    assert "document" not in opened(path, test_fraction=0).train.features


def test_frequencies_are_those_of_the_train_split(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a b a a\na c c a\n")

    data = opened(path, documents="lines", hold_out="end", test_fraction=0.5, length=5)
    (train,), (test,) = data.train.batches(9), data.test.batches(9)

    np.testing.assert_allclose(train["frequency"], [[0.75, 0.25, 0.75, 0.75, 0]])
    np.testing.assert_allclose(test["frequency"], [[0.75, 0, 0, 0.75, 0]])


def test_short_documents_give_no_window(lines):
    data = opened(lines, documents="lines", min_tokens=9, length=20, test_fraction=0)

    assert windows(data.train, data.vocabulary) == [" ".join(["w8"] * 9), " ".join(["w9"] * 10)]


def test_each_window_is_found_by_its_index(lines):
    data = opened(lines, documents="lines", length=3, stride=1, test_fraction=0)
    (whole,) = data.train.batches(1000)
    index = np.random.default_rng(0).permutation(data.train.size)

    (part,) = data.train.read(tf.data.Dataset.from_tensors(tf.constant(index)), len(index))

    np.testing.assert_array_equal(part["tokens"], whole["tokens"].numpy()[index])
    np.testing.assert_array_equal(part["num_tokens"], whole["num_tokens"].numpy()[index])


def test_batches_are_a_function_of_the_place(lines):
    data = opened(lines, documents="lines", test_fraction=0)

    whole = list(data.train.batches(4, order=Order(3, steps=3)).take(5))
    resumed = list(data.train.batches(4, order=Order(3, steps=3), start=2).take(3))

    for one, other in zip(whole[2:], resumed):
        np.testing.assert_array_equal(one["tokens"], other["tokens"])
    assert set(next(iter(data.train.batches(4, only=("tokens",))))) == {"tokens"}


def test_batches_that_are_read_together_are_those_read_alone(lines, monkeypatch):
    split = opened(lines, pack=True, test_fraction=0).train

    def drawn():
        batches = split.batches(3, order=Order(4, steps=3), start=2)
        assert batches.element_spec["tokens"].shape == (3, 4)
        assert batches.element_spec["num_tokens"].shape == (3,)
        return [{k: v.tolist() for k, v in batch.items()} for batch in _taken(batches, 7)]

    monkeypatch.setattr(texts, "_TOKENS_AT_ONCE", 1)
    alone = drawn()
    monkeypatch.setattr(texts, "_TOKENS_AT_ONCE", 60)  # Five batches.
    assert drawn() == alone


def _taken(batches, count):
    return list(batches.take(count).as_numpy_iterator())


def test_whole_documents_are_held_out(lines):
    train, test = texts_of(opened(lines, documents="lines", test_fraction=0.3, length=20))

    assert len(train) == 7 and len(test) == 3
    # The words of held-out lines occur nowhere else.
    assert all(set(text.split()) == {"<unk>"} for text in test)
    again = texts_of(opened(lines, documents="lines", test_fraction=0.3, length=20, seed=0))
    other = texts_of(opened(lines, documents="lines", test_fraction=0.3, length=20, seed=1))
    assert again == (train, test) and other != (train, test)


def test_the_end_is_held_out(lines):
    train, test = texts_of(
        opened(lines, documents="lines", test_fraction=0.4, hold_out="end", length=20)
    )

    assert len(train) == 8 and train[-1].startswith("w7") and len(test) == 2


def test_a_file_is_divided_between_two_words(tmp_path):
    path = tmp_path / "a.txt"
    words = [f"word{n % 7}" for n in range(100)]
    path.write_text(" ".join(words))

    data = opened(path, test_fraction=0.25, hold_out="end", length=200)
    train, test = texts_of(data)

    assert f"{train[0]} {test[0]}".split() == words
    assert 20 <= len(test[0].split()) <= 30
    with pytest.raises(DataError, match="hold_out='end'"):
        assert opened(path).train


def test_paragraphs_and_files(tmp_path):
    (tmp_path / "a.txt").write_text("a b\nc\n\n \nd\n")
    (tmp_path / "b.text").write_text("e")
    (tmp_path / "c.md").write_text("left out")

    paragraphs = opened(tmp_path, documents="paragraphs", test_fraction=0)
    files = opened(tmp_path, test_fraction=0, length=9)

    assert windows(paragraphs.train, paragraphs.vocabulary) == ["a b c", "d", "e"]
    assert windows(files.train, files.vocabulary) == ["a b c d", "e"]


def test_folders_are_splits_and_classes(tmp_path):
    for name in ("train/dog", "train/cat", "test/cat", "test/owl"):
        (tmp_path / "t" / name).mkdir(parents=True)
        (tmp_path / "t" / name / "a.txt").write_text(name.split("/")[1] + " sat")

    data = opened(tmp_path / "t")

    assert data.label_names == ("cat", "dog")
    (train,), (test,) = data.train.batches(9), data.test.batches(9)
    assert train["label"].numpy().tolist() == [0, 1]
    assert test["label"].numpy().tolist() == [0, -1]
    assert texts_of(data) == (["cat sat", "dog sat"], ["cat sat", "<unk> sat"])


def test_gzip_and_bytes_that_are_no_text(tmp_path):
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        file.write(b"a b \xff a")

    data = opened(tmp_path, test_fraction=0)

    assert windows(data.train, data.vocabulary) == ["a b \ufffd a"]


def test_a_file_cut_off_is_an_error_that_names_it(tmp_path):
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        file.write(np.random.default_rng(0).bytes(5000))
    whole = (tmp_path / "a.txt.gz").read_bytes()
    (tmp_path / "a.txt.gz").write_bytes(whole[:2000])

    with pytest.raises(DataError, match="a.txt.gz"):
        assert opened(tmp_path, test_fraction=0).train
    assert not list((tmp_path / "cache").glob("**/tokenizer.json"))


@pytest.mark.parametrize("content", [None, "", "a a a"])
def test_nothing_to_read_is_an_error(tmp_path, content):
    folder = tmp_path / "texts"
    folder.mkdir()
    if content is not None:
        (folder / "a.txt").write_text(content)

    with pytest.raises(DataError):
        assert opened(folder, test_fraction=0).train
    with pytest.raises(DataError, match="Check the path"):
        opened(tmp_path / "nowhere")


def test_no_held_out_text_is_an_error(lines):
    data = opened(lines, documents="lines", test_fraction=0)

    assert not data.has_test
    with pytest.raises(DataError, match="held-out text"):
        assert data.test


@pytest.mark.parametrize(
    "arguments",
    [
        {"tokens": "characters", "punctuation": False},
        {"tokens": "wordpiece", "numbers": "merge"},
        {"tokens": "characters", "phrases": (1.0,)},
        {"tokens": "wordpiece", "rare": "drop"},
    ],
)
def test_what_goes_with_words_only_is_refused_elsewhere(lines, arguments):
    with pytest.raises(ConfigurationError, match="must be left out unless tokens="):
        opened(lines, **arguments)


def test_texts_are_read_once_and_again_when_they_change(lines, monkeypatch):
    first = opened(lines, documents="lines")
    assert first.train.size
    monkeypatch.setattr(TextFiles, "pieces", lambda self: pytest.fail("read again"))

    again = opened(lines, documents="lines", length=7)

    assert again.vocabulary == first.vocabulary
    monkeypatch.undo()
    lines.write_text("entirely other words " * 20)
    assert "entirely" in opened(lines, test_fraction=0, cache=str(lines.parent)).vocabulary


def test_counts_are_of_the_train_split(lines):
    data = opened(lines, documents="lines", test_fraction=0)

    expected = {f"w{n}": n + 1 for n in range(10)}
    found = dict(zip(data.vocabulary, data.token_counts.tolist()))
    assert found == {"<pad>": 0, "<unk>": 0, **expected}


def test_word_pieces_say_which_begin_a_word(lines):
    lines.write_text("walking talking walked talked\n" * 40)

    data = opened(lines, documents="lines", tokens="wordpiece", max_vocab=40, length=30)
    batch = next(iter(data.train.batches(2)))

    pieces = [data.vocabulary[n] for n in batch["tokens"][0].numpy()]
    assert batch["begins_word"][0].numpy().tolist() == [p[:2] != "##" for p in pieces]


def test_a_folder_that_cannot_be_written_does_without_a_cache(lines, tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))

    data = opened(lines, documents="lines", test_fraction=0)

    assert data.train.size == 18


class Bag(sslkeras.Task):
    """Predicts the first word of a window from the others."""

    reads = {"tokens": (2,)}
    random_pretext = False

    def pretext(self, batch, seed):
        return batch["tokens"][:, 1:], batch["tokens"][:, 0]

    def build_model(self, inputs, encoder, data):
        import keras

        tokens = keras.Input((inputs.shape[1],), dtype="int32")
        table = keras.Sequential(
            [keras.layers.Embedding(len(data.vocabulary), 4), keras.layers.Flatten()],
            name="encoder",
        )
        return keras.Model(tokens, keras.layers.Dense(len(data.vocabulary))(table(tokens)))

    def loss(self):
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def test_a_run_keeps_its_tokenizer_and_refuses_another(lines, tmp_path):
    output = tmp_path / "run"
    name = f'text_files("{lines}", documents="lines", test_fraction=0, min_count=1, length=4)'
    data = sslkeras.datasets.create(name)
    sslkeras.pretrain(Bag(), data, steps=1, batch_size=4, output=output)

    assert sslkeras.load_tokenizer(output) == data.tokenizer
    assert sslkeras.load_run(output, task=Bag()).data.vocabulary == data.vocabulary
    lines.write_text(lines.read_text().replace("w9", "other"))
    with pytest.raises(RunError, match="vocabulary that the run was trained with"):
        sslkeras.load_run(output, task=Bag())
    (output / "tokenizer.json").unlink()
    with pytest.raises(RunError, match="tokenizer.json"):
        sslkeras.load_tokenizer(output)
