"""Tests of sslkeras.text.in_graph: each tokenizer's own `encode` is what ids are held against."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.errors import ConfigurationError
from sslkeras.text.in_graph import TextToIds, from_texts
from sslkeras.text.tokenizer import (
    CharacterTokenizer,
    WordPieceTokenizer,
    WordSplitter,
    WordTokenizer,
    wordpiece_library,
)

LINES = (
    "The unaffable cat's whiskers aren't 3 inches: they were 42 'long' in New York City!",
    "new york city new york new new york york",
    "Ünïcode naïve Ångström ΣΟΦΟΣ straße İstanbul 東京 の 카페 ﬁsh don’t _x_ a_b 3rd ½ ٣",
    "hello [MASK] and [mask] and [SEP]x[CLS] \U0010f000 \ufeff zero\u200bwidth tab\tnew\nline \x00",
    "",
    "   ",
    "a" * 100 + " " + "a" * 101 + " unaffableness",
)
# Letters, marks, signs, digits, spaces and controls of all of Unicode, and a few words.
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(("unaffable", "new", "york", "city", " ", "'", "’", "[MASK]", "3", "x")),
        st.characters(blacklist_categories=("Cs",)),
    ),
    max_size=30,
).map("".join)
WORDS = ("<pad>", "<unk>", "<eos>", "<number>", "the", "cat's", "new", "york", "'", "new_york")
WORDS = (*WORDS, "new_york_city", "city", "σοφοσ", "東京", "i̇stanbul", "don’t", "42", "_", "x")


@functools.cache
def word_pieces(lowercase):
    return WordPieceTokenizer.trained(LINES * 3, size=90, min_count=1, lowercase=lowercase)


@functools.cache
def tokenizers():
    found = [
        WordTokenizer(
            WordSplitter(lowercase=lowercase, punctuation=punctuation, numbers=numbers),
            WORDS,
            drop_rare=drop_rare,
            phrases=phrases,
        )
        for lowercase, punctuation, numbers, drop_rare, phrases in (
            (True, True, "keep", False, ()),
            (True, False, "merge", False, ([("new", "york"), ("york", "new")],)),
            (False, True, "drop", True, ()),
            (True, False, "drop", True, ([("new", "york")], [("new_york", "city")])),
        )
    ]
    signs = ("<pad>", "<unk>", *"abcσi東\u0307 ")
    found += [CharacterTokenizer(signs, lowercase=lowercase) for lowercase in (True, False)]
    return *found, word_pieces(True), word_pieces(False)


@functools.cache
def layer(number):
    return TextToIds(tokenizers()[number].to_json())


@functools.cache
def graph(number):
    return tf.function(layer(number), input_signature=[tf.TensorSpec([None], tf.string)])


def assert_alike(number, texts):
    tokenizer = tokenizers()[number]
    wanted = [tokenizer.encode(text).tolist() for text in texts]
    found = graph(number)(tf.constant(texts, tf.string, [len(texts)])).numpy()
    length = max(map(len, wanted), default=0)
    padded = [row + [tokenizer.pad] * (length - len(row)) for row in wanted]
    np.testing.assert_array_equal(found, np.reshape(padded, [len(texts), length]))


@pytest.mark.parametrize("number", range(8))
def test_ids_are_those_of_the_tokenizer(number):
    assert_alike(number, LINES)
    for line in LINES:
        assert_alike(number, [line])
    assert_alike(number, [])


@pytest.mark.parametrize("number", range(8))
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
def test_ids_are_those_of_the_tokenizer_for_any_text(number, texts):
    assert_alike(number, texts)


@pytest.mark.parametrize("number", (6, 7))
def test_each_character_becomes_what_the_library_makes_of_it(number):
    codes = np.random.RandomState(0).permutation(0x3000)[:2000]
    assert_alike(number, [f"x{chr(code)}y {chr(code)}" for code in codes])


def test_texts_are_cut_and_filled_to_the_length():
    tokenizer = tokenizers()[0]
    ids = TextToIds(tokenizer.to_json(), 3)(tf.constant(["new york", "new york city new"]))
    assert ids.dtype == tf.int32
    new, york, city = map(WORDS.index, ("new", "york", "city"))
    np.testing.assert_array_equal(ids, [[new, york, 0], [new, york, city]])


def test_an_encoder_of_texts_is_saved_and_exported(tmp_path):
    tokenizer = word_pieces(True)
    tokens = keras.Input((6,), dtype="int32")
    vectors = keras.layers.Embedding(len(tokenizer.vocabulary), 4)(tokens)
    encoder = keras.Model(tokens, keras.layers.GlobalAveragePooling1D()(vectors), name="encoder")
    of_texts = from_texts(encoder, tokenizer)
    texts = ["The unaffable cat", "東京 [MASK]"]
    ids = [(tokenizer.encode(text).tolist() + [tokenizer.pad] * 6)[:6] for text in texts]
    wanted = encoder(np.array(ids))
    np.testing.assert_allclose(of_texts(tf.constant(texts)), wanted)

    of_texts.save(tmp_path / "of_texts.keras")
    again = keras.models.load_model(tmp_path / "of_texts.keras")
    np.testing.assert_allclose(again(tf.constant(texts)), wanted)

    of_texts.export(str(tmp_path / "exported"))
    code = (
        "import sys, numpy, tensorflow as tf\n"
        "model = tf.saved_model.load('exported')\n"
        f"numpy.save('answers.npy', model.serve(tf.constant({texts!r})))\n"
        "assert not {'sslkeras', 'tokenizers', 'tensorflow_text'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), wanted, atol=1e-6)


def test_encoders_of_anything_else_are_refused():
    images = keras.Input((4, 4, 1))
    encoder = keras.Model(images, keras.layers.Flatten()(images))
    with pytest.raises(ConfigurationError, match="must take ids"):
        from_texts(encoder, tokenizers()[0])


def test_tokenizers_that_have_no_ops_are_refused():
    library = wordpiece_library()
    model = library.Tokenizer(library.models.WordPiece({"[PAD]": 0, "[SEP]": 1}, unk_token="[PAD]"))
    with pytest.raises(ConfigurationError, match="normalizer BertNormalizer. Received: None"):
        TextToIds(WordPieceTokenizer(model.to_str()).to_json())
    with pytest.raises(ConfigurationError, match="JSON"):
        TextToIds("{}")
