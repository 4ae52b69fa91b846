"""Tests of sslkeras.encoders.transformer."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.encoders.transformer import Transformer
from sslkeras.errors import ConfigurationError

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e")
TINY = {"layers": 2, "hidden": 8, "heads": 2, "vocab_size": 10, "pad": 0, "start": 2, "end": 3}


def parameters(layers, hidden, words=30522, positions=512):
    """BERT's count without its pooler."""
    embeddings = (words + positions + 2) * hidden + 2 * hidden
    attention = 4 * (hidden * hidden + hidden) + 2 * hidden
    dense = hidden * 4 * hidden + 4 * hidden + 4 * hidden * hidden + hidden + 2 * hidden
    return embeddings + layers * (attention + dense)


@pytest.mark.parametrize(
    "layers, hidden, heads, expected",
    # BERT-Tiny's 4,385,920 of its checkpoint less the pooler's 128 * 128 + 128.
    [(2, 128, 2, 4_369_408), (4, 256, 4, 11_104_768)],
)
def test_parameters_of_small_sizes(layers, hidden, heads, expected):
    trunk = Transformer(
        layers=layers, hidden=hidden, heads=heads, vocab_size=30522, start=101, end=102
    )((16,))

    assert trunk.count_params() - draws(trunk) == parameters(layers, hidden) == expected


@pytest.mark.parametrize(
    "name, expected",
    # 109,482,240 and 335,141,888 in the released checkpoints, with the poolers.
    [
        ("transformer(vocab_size=30522, start=101, end=102)", 108_891_648),
        (
            "transformer(layers=24, hidden=1024, heads=16, vocab_size=30522, start=101, end=102)",
            334_092_288,
        ),
    ],
)
def test_parameters_of_base_and_large(name, expected):
    encoder = sslkeras.encoders.create(name)
    with tf.Graph().as_default():  # Counted without being filled.
        trunk = encoder((128,))
        assert sum(np.prod(w.shape) for w in trunk.trainable_weights) == expected
    assert parameters(encoder.layers, encoder.hidden) == expected


def draws(trunk):
    return sum(int(np.prod(w.shape)) for w in trunk.non_trainable_weights)


def test_gives_a_vector_for_each_token_and_special_token():
    trunk = Transformer(**TINY)((6,))
    tokens = tf.constant([[5, 6, 7, 8, 0, 0]])

    assert trunk(tokens).shape == (1, 8, 8)
    assert Transformer(**{**TINY, "start": None, "end": None})((6,))(tokens).shape == (1, 6, 8)


def test_starts_truncated_normal_and_normalises_with_a_small_epsilon():
    trunk = Transformer(layers=1, hidden=64, heads=4, vocab_size=500)((6,))
    table = trunk.get_layer("token_embedding").embeddings.numpy()
    norms = [one for one in trunk.layers if isinstance(one, keras.layers.LayerNormalization)]

    # A normal distribution cut at two standard deviations has 0.88 of its own.
    np.testing.assert_allclose(table.std(), 0.88 * 0.02, rtol=0.02)
    assert np.abs(table).max() <= 0.04
    assert {norm.epsilon for norm in norms} == {1e-12}
    assert not trunk.get_layer("block1_query").bias.numpy().any()


def test_padding_and_what_stands_behind_it_change_nothing():
    trunk = Transformer(**TINY)((None,))
    short, long = tf.constant([[5, 6]]), tf.constant([[5, 6, 0, 0, 0]])

    np.testing.assert_allclose(trunk(short), trunk(long)[:, :4], atol=1e-5)


def test_the_order_of_tokens_and_a_second_segment_matter():
    trunk = Transformer(**TINY)((4,))
    vectors = trunk(tf.constant([[5, 6, 7, 8], [6, 5, 7, 8], [5, 3, 7, 8]])).numpy()

    assert np.abs(vectors[0, 1] - vectors[1, 2]).max() > 1e-3
    assert np.abs(vectors[0, 4] - vectors[2, 4]).max() > 1e-3


def test_every_token_sees_every_other():
    trunk = Transformer(**TINY)((4,))
    vectors = trunk(tf.constant([[5, 6, 7, 8], [5, 6, 7, 9], [9, 6, 7, 8]])).numpy()

    assert np.abs(vectors[0] - vectors[1]).max(axis=-1).min() > 1e-6
    assert np.abs(vectors[0] - vectors[2]).max(axis=-1).min() > 1e-6


def test_a_block_equals_the_formulas_of_the_paper():
    trunk = Transformer(**{**TINY, "layers": 1, "dropout": 0.0, "attention_dropout": 0.0})((3,))
    random = np.random.default_rng(0)
    for weight in trunk.trainable_weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    weights = {w.name.removesuffix(":0"): w.numpy().astype(np.float64) for w in trunk.weights}

    def dense(x, name):
        return x @ weights[f"block1_{name}/kernel"] + weights[f"block1_{name}/bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        return weights[f"{name}/gamma"] * x / x.std(-1, keepdims=True) + weights[f"{name}/beta"]

    ids = np.array([2, 5, 6, 7, 3])
    x = weights["token_embedding/embeddings"][ids] + weights["position_embedding/embeddings"][:5]
    x = norm(x + weights["segment_embedding/embeddings"][0], "embedding_norm")
    q, k, v = (dense(x, part).reshape(5, 2, 4) for part in ("query", "key", "value"))
    scores = np.exp(np.einsum("qhd,khd->hqk", q, k) / 2.0)
    attended = np.einsum("hqk,khd->qhd", scores / scores.sum(-1, keepdims=True), v).reshape(5, 8)
    x = norm(x + dense(attended, "attention_output"), "block1_attention_norm")
    inner = dense(x, "inner")
    inner *= 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
    expected = norm(x + dense(inner, "outer"), "block1_norm")

    np.testing.assert_allclose(trunk(tf.constant([[5, 6, 7]]))[0], expected, atol=2e-5)


def test_the_dataset_fills_in_the_vocabulary():
    encoder = Transformer(layers=1, hidden=4, heads=1).for_dataset(
        types.SimpleNamespace(vocabulary=tuple(word.encode() for word in WORDS))
    )

    assert (encoder.vocab_size, encoder.pad, encoder.start, encoder.end) == (10, 0, 2, 3)
    assert encoder((3,)).get_layer("token_embedding").input_dim == 10


def test_what_was_given_stays_and_other_vocabularies_have_no_special_tokens():
    data = types.SimpleNamespace(vocabulary=("<unk>", "<pad>", "a"))
    encoder = Transformer(vocab_size=64).for_dataset(data)

    assert (encoder.vocab_size, encoder.pad, encoder.start) == (64, 1, None)
    assert sslkeras.encoders.create("mlp").for_dataset(data).get_config()


def test_survives_a_keras_file(tmp_path):
    trunk = Transformer(**TINY)((4,))
    tokens = tf.constant([[5, 6, 7, 0]])
    trunk.save(tmp_path / "trunk.keras")

    loaded = keras.models.load_model(tmp_path / "trunk.keras")

    np.testing.assert_allclose(loaded(tokens), trunk(tokens), atol=1e-6)
    # It would drop the same as well.
    np.testing.assert_allclose(
        loaded(tokens, training=True), trunk(tokens, training=True), atol=1e-6
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"hidden": 10, "heads": 3}, "`heads` of Transformer must divide"),
        ({"start": 2}, "`start` and `end` of Transformer must be given together"),
        ({"vocab_size": 5, "pad": 5}, "`pad` of Transformer must be an id below"),
        ({"dropout": 1.0}, "`dropout` of Transformer must"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Transformer(**arguments)


@pytest.mark.parametrize(
    "arguments, shape, message",
    [
        ({"vocab_size": 9}, (8, 8, 1), "takes token ids"),
        ({}, (8,), "`vocab_size` of Transformer must be known"),
        ({"vocab_size": 9, "max_positions": 7}, (8,), "at most `max_positions`"),
    ],
)
def test_impossible_inputs_are_refused(arguments, shape, message):
    with pytest.raises(ConfigurationError, match=message):
        Transformer(layers=1, hidden=4, heads=1, **arguments)(shape)
