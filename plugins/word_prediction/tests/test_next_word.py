"""Tests of sslkeras_word_prediction.next_word."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.contexts import Contexts
from sslkeras_word_prediction.next_word import NextWord
from sslkeras_word_prediction.token_scores import TokenPerplexity, log_likelihoods

import sslkeras
from plugins.word_prediction.tests.small_texts import WORDS, small_texts
from sslkeras.datasets import ArraySplit, Given
from sslkeras.datasets.dataset import Order
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.training.surrogate_model import as_surrogate_model

SEED = tf.constant([3, 4])

# The paper's network with 3 words, n = 3, m = 2 and h = 2.
C = np.array([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]])
H = np.array([[0.1, -0.2, 0.3, -0.4], [0.5, 0.6, -0.7, -0.8]])
D = np.array([0.05, -0.05])
U = np.array([[0.2, -0.1], [0.4, 0.3], [-0.5, 0.6]])
B = np.array([0.01, 0.02, -0.03])
W = np.array([[0.1, 0, -0.1, 0.2], [0, 0.3, 0.1, -0.2], [-0.4, 0.1, 0.2, 0.3]])


def texts(rows, vocabulary=("x", "y", "z")):
    tokens = np.array(rows, np.int32)
    counts = np.full(len(tokens), tokens.shape[1], np.int32)
    data = Given(ArraySplit({"tokens": tokens, "num_tokens": counts}))
    data.vocabulary = vocabulary
    return data


def built(task, data=None, encoder="mlp"):
    keras.utils.set_random_seed(0)
    data = data or small_texts(WORDS, first=2)
    spec = task.examples(data.train, 1).element_spec[0]
    encoder = sslkeras.encoders.create(encoder)
    model = as_surrogate_model(task.build_model(spec, encoder, data))
    model.compile("sgd", metrics=task.metrics())
    return model


def papers_model(direct, weight_decay=0.0):
    task = NextWord(
        order=3, embedding_dim=2, hidden_units=2, direct=direct, weight_decay=weight_decay
    )
    model = built(task, texts([[0, 1, 2], [1, 2, 0]]))
    model.get_layer("encoder").set_weights([C])
    model.get_layer("hidden").set_weights([H.T, D])
    model.get_layer("output").set_weights([U.T, B])
    if direct:
        model.get_layer("direct").set_weights([W.T])
    return model


def loss_of(model, contexts, targets):
    targets = tf.constant(targets)[:, tf.newaxis]
    weights = tf.ones_like(targets, tf.float32)
    return model.losses_of(tf.constant(contexts), targets, weights, training=False)[1]["model"]


# The network and the loss, against numbers worked out by hand.


@pytest.mark.parametrize(
    "direct, logits, loss",
    [
        (False, [0.0068629265, -0.0801472498, -0.0878684884], 1.1336945358),
        (True, [0.0068629265, 0.0098527502, 0.1521315116], 1.0050959541),
    ],
)
def test_logits_and_loss(direct, logits, loss):
    model = papers_model(direct)

    # w_{t-1} = 1 and w_{t-2} = 0.
    np.testing.assert_allclose(model(tf.constant([[0, 1]]))[0, 0], logits, atol=1e-7)
    np.testing.assert_allclose(loss_of(model, [[0, 1]], [2]), loss, rtol=1e-6)


def test_the_order_of_the_context_matters():
    np.testing.assert_allclose(loss_of(papers_model(True), [[1, 0]], [2]), 1.0070002385, rtol=1e-6)


def test_mean_loss_perplexity_and_penalty():
    contexts, targets = [[0, 1], [1, 2]], [2, 0]
    model = papers_model(True)
    metric = TokenPerplexity()

    metric.update_state(tf.constant(targets)[:, None], model(tf.constant(contexts)))

    np.testing.assert_allclose(loss_of(model, contexts, targets), 0.8841884654, rtol=1e-6)
    np.testing.assert_allclose(metric.result(), 2.4210188534, rtol=1e-6)
    with_penalty = papers_model(True, weight_decay=1e-4)
    np.testing.assert_allclose(
        loss_of(with_penalty, contexts, targets), 0.8841884654 + 0.000218, rtol=1e-6
    )
    assert with_penalty.count_params() == 37


def test_perplexity_of_given_probabilities():
    probabilities = tf.constant([[[0.5, 0.5], [0.25, 0.75], [0.125, 0.875]]])
    metric = TokenPerplexity()
    metric.update_state(tf.zeros([1, 3], tf.int32), tf.math.log(probabilities))

    np.testing.assert_allclose(metric.result(), 4.0, rtol=1e-6)


def test_perplexity_is_of_all_tokens_and_not_a_mean_of_batches():
    likely, unlikely = tf.math.log([[[0.5, 0.5]] * 3]), tf.math.log([[[0.01, 0.99]] * 3])
    metric = TokenPerplexity()
    metric.update_state(tf.zeros([1, 3], tf.int32), likely)
    metric.update_state(tf.zeros([1, 3], tf.int32), unlikely, tf.constant([[1.0, 0.0, 0.0]]))

    # (1/2^3 / 100)^(-1/4)
    np.testing.assert_allclose(metric.result(), 800**0.25, rtol=1e-5)


def test_equal_logits_have_the_perplexity_of_the_vocabulary_whatever_is_added():
    for constant in (0.0, 7.5):
        metric = TokenPerplexity()
        metric.update_state(tf.constant([[3, 11]]), tf.fill([1, 2, 17], constant))
        np.testing.assert_allclose(metric.result(), 17.0, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, words, expected",
    [
        # AP News: n = 6, h = 60, m = 100 with direct links; Brown, MLP9.
        (
            {"order": 6, "hidden_units": 60, "embedding_dim": 100, "direct": True},
            17_964,
            11_904_264,
        ),
        ({"order": 5, "hidden_units": 100, "embedding_dim": 30}, 16_383, 2_158_273),
    ],
)
def test_parameters_of_the_papers_models(arguments, words, expected):
    data = texts([[0] * 6] * 2, tuple(map(str, range(words))))

    assert built(NextWord(**arguments), data).count_params() == expected


# The pretext.


def test_contexts_are_nearest_first():
    vectors = tf.constant([[[1.0], [2.0], [3.0], [4.0]]])

    np.testing.assert_array_equal(
        Contexts(3)(vectors)[..., 0], [[[3.0, 2.0, 1.0], [4.0, 3.0, 2.0]]]
    )


def test_words_behind_a_whole_context_are_predicted_and_padding_is_not():
    batch = {
        "tokens": tf.constant([[5, 6, 7, 8, 9], [5, 6, 7, 0, 0]]),
        "num_tokens": tf.constant([5, 3]),
    }

    inputs, targets, weights = NextWord(order=3).pretext(batch, SEED)
    np.testing.assert_array_equal(inputs, [[5, 6, 7, 8], [5, 6, 7, 0]])
    np.testing.assert_array_equal(targets, [[7, 8, 9], [7, 0, 0]])
    np.testing.assert_array_equal(weights, [[1, 1, 1], [1, 0, 0]])

    _, targets, weights = NextWord(architecture="lstm").pretext(batch, SEED)
    np.testing.assert_array_equal(targets, [[6, 7, 8, 9], [6, 7, 0, 0]])
    np.testing.assert_array_equal(weights, [[1, 1, 1, 1], [1, 1, 0, 0]])


ALL = (
    NextWord(order=4, embedding_dim=4, hidden_units=5, direct=True),
    NextWord(order=4, embedding_dim=4, hidden_units=0, direct=True),
    NextWord(order=3, embedding_dim=4, hidden_units=4, direct=True, tie_weights=True),
    NextWord(order=3, embedding_dim=4, architecture="trunk"),
    NextWord(architecture="lstm", hidden_units=4),
    NextWord(architecture="lstm", hidden_units=4, tie_weights=True),
    NextWord(architecture="lstm", hidden_units=4, num_layers=1, stateful_rows=2),
)


@pytest.mark.parametrize("task", ALL, ids=repr)
def test_no_prediction_sees_what_comes_after(task):
    model = built_of(task)
    tokens = np.array([[3, 4, 5, 6, 7, 8, 2, 3, 4]])
    other = tokens.copy()
    other[0, 5] = 2

    def logits(tokens):
        outputs = model(tf.constant(tokens))
        return (outputs["logits"] if isinstance(outputs, dict) else outputs)[0].numpy()

    before, after = logits(tokens), logits(other)
    # Place p of an n-gram ends at token p + n - 2, of an LSTM at token p.
    last = 0 if task.architecture == "lstm" else task._order - 2
    np.testing.assert_array_equal(before[: 5 - last], after[: 5 - last])
    assert np.abs(before[5 - last] - after[5 - last]).max() > 1e-5


def built_of(task):
    rows = small_texts(WORDS, first=2)
    return built(task, rows) if task.stateful_rows is None else stateful(task, rows)


def stateful(task, data):
    keras.utils.set_random_seed(0)
    spec = tf.TensorSpec([None, 9], tf.int32)
    model = task.build_model(spec, sslkeras.encoders.create("mlp"), data)
    model.compile("sgd", metrics=task.metrics())
    return model


def test_rows_of_words_not_seen_get_no_gradient():
    model = papers_model(True)
    table = model.get_layer("encoder").get_layer("token_embedding").embeddings
    with tf.GradientTape() as tape:
        loss = loss_of(model, [[0, 1]], [2])

    gradient = tf.convert_to_tensor(tape.gradient(loss, table)).numpy()

    np.testing.assert_array_equal(gradient[2], 0)
    assert np.abs(gradient[:2]).min() > 0


def test_biases_are_not_penalised():
    for task in ALL[:4]:
        model = built_of(task)
        matrices = [w for w in model.trainable_weights if w.shape.rank == 2]
        if task.architecture == "trunk":
            # The trunk is the run's own.
            trunk = {id(w) for w in model.get_layer("trunk").weights}
            matrices = [w for w in matrices if id(w) not in trunk]
        squares = sum(float(tf.reduce_sum(w**2)) for w in matrices)
        np.testing.assert_allclose(tf.add_n(model.losses), 0.5e-4 * squares, rtol=1e-5)


def test_tied_weights_are_one_variable():
    model = built_of(ALL[2])

    # V m + (n - 1) m h + h + V, and (n - 1) m m of the links.
    assert model.count_params() == 9 * 4 + 8 * 4 + 4 + 9 + 8 * 4


# The recurrent form.


def test_the_lstm_has_the_layers_of_the_papers_small_one():
    data = texts([[0, 1, 2]] * 2, tuple(map(str, range(10_000))))
    model = built(NextWord(architecture="lstm", init_scale=0.1), data)

    # 10,000 words, 200 units: embedding, 2 x 4 (400 * 200 + 200), output with bias.
    assert model.count_params() == 2_000_000 + 2 * 4 * (400 * 200 + 200) + 2_010_000
    for weight in model.weights:
        assert 0.09 < np.abs(weight.numpy()).max() < 0.1 + 1e-6


def test_rows_go_on_where_the_batch_before_ended():
    task = NextWord(architecture="lstm", hidden_units=4, stateful_rows=3)
    split = texts([[n, n] for n in range(14)]).train

    def firsts(epoch, start=0):
        order = Order(0, epoch, 2)
        batches = task.raw_batches(split, 3, order=order, start=start)
        return [batch["tokens"].numpy()[:, 0].tolist() for batch in batches.take(3)]

    # 14 windows make 3 rows of 4; an epoch has 2 batches.
    assert firsts(0) == [[0, 4, 8], [1, 5, 9], [2, 6, 10]]
    assert firsts(1, start=1) == [[3, 7, 11], [0, 4, 8], [1, 5, 9]]
    unchanged = next(iter(task.raw_batches(split, 5)))["tokens"].numpy()[:, 0]
    assert unchanged.tolist() == [0, 1, 2, 3, 4]


def test_a_carried_state_equals_one_long_window():
    task = NextWord(architecture="lstm", hidden_units=4, stateful_rows=2)
    data = small_texts(WORDS, first=2)
    model = stateful(task, data)
    random = np.random.default_rng(0)
    tokens = tf.constant(random.integers(2, 9, (2, 12)), tf.int32)
    expected = model(tokens)["logits"]

    parts = []
    for first in (0, 4, 8):
        outputs = model(tokens[:, first : first + 4], training=True)
        model.after_update(None, None, outputs)
        parts.append(outputs["logits"])

    np.testing.assert_allclose(tf.concat(parts, axis=1), expected, atol=1e-6)
    # Evaluation begins anew and keeps nothing.
    np.testing.assert_allclose(model(tokens)["logits"], expected, atol=1e-6)


def test_the_batch_size_must_be_that_of_the_rows():
    task = NextWord(architecture="lstm", stateful_rows=3)
    task.check_batch_size(3, 1)
    with pytest.raises(ConfigurationError, match="batch size must be `stateful_rows`.*Received: b"):
        task.check_batch_size(4, 1)
    with pytest.raises(DataError, match="a window of text for each of `stateful_rows`.*2 windows"):
        task.raw_batches(texts([[0, 1]] * 2).train, 3, order=Order(0))


def test_contexts_of_an_lstm_are_its_top_layer():
    task = NextWord(architecture="lstm", hidden_units=4)
    model = built(task)
    tokens = tf.constant([[3, 4, 5, 0, 0, 0, 0, 0, 0]])

    context = task.encoders(model)["context"](tokens)

    kernel, bias = model.get_layer("output").get_weights()
    np.testing.assert_allclose(context @ kernel + bias, model(tokens), atol=1e-6)
    np.testing.assert_allclose(
        task.encoders(model)["encoder"](tokens)[0],
        tf.reduce_mean(task.encoders(model)["embedding"](tokens)[0, :3], axis=0),
        atol=1e-7,
    )


# What it answers.


def test_likelihoods_are_those_of_the_scored_words():
    logits = tf.math.log([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]])

    found = log_likelihoods(logits, tf.constant([[1, 2]]), tf.constant([[1.0, 0.0]]))

    np.testing.assert_allclose(found["log_likelihood"], np.log([[0.3, 0.7]]), rtol=1e-6)
    np.testing.assert_array_equal(found["rank"], [[1, 0]])
    np.testing.assert_array_equal(found["scored"], [[True, False]])


def test_word_vectors_are_the_rows_of_c():
    task = NextWord(order=3, embedding_dim=4)
    model = built(task)

    words, vectors = task.word_vectors(model)

    assert words == list(WORDS)
    np.testing.assert_array_equal(vectors[3], model.get_layer("encoder").get_weights()[0][3])


def test_pictures_show_the_context_and_the_answers():
    task = NextWord(order=3, embedding_dim=4, hidden_units=4)
    model = built(task)
    inputs = tf.constant([[2, 3, 4, 5, 6, 7, 8, 2, 3]])

    columns = task.draw(inputs, tf.constant([[2, 3, 4, 5, 6, 7, 8]]), model(inputs))

    assert columns["before"] == ["a b"] and columns["next"] == ["g"]
    assert columns["answers"][0].count("%") == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"order": 1}, "`order` of NextWord must be"),
        ({"hidden_units": 0}, "`hidden_units` of NextWord must be at least 1 without `direct`"),
        ({"num_layers": 2}, "`num_layers` of NextWord must be left out unless"),
        ({"dropout": 0.5}, "`dropout` of NextWord must be left out unless"),
        ({"architecture": "lstm", "order": 3}, "`order` of NextWord and `direct` must be left out"),
        ({"architecture": "trunk", "hidden_units": 3}, "`hidden_units` of NextWord must be left"),
        ({"tie_weights": True}, "`tie_weights` of NextWord needs `hidden_units` equal"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        NextWord(**arguments)


def test_windows_shorter_than_the_order_are_refused():
    with pytest.raises(DataError, match="needs 'tokens' of at least 5"):
        NextWord().check(texts([[0, 1, 2]]).train)


def test_data_without_words_is_refused():
    with pytest.raises(ConfigurationError, match="at least 2 words. Received: 1"):
        built(NextWord(order=3), texts([[0, 0, 0]], ("x",)))
    with pytest.raises(ConfigurationError, match="an output .batch, features"):
        NextWord(order=3, architecture="trunk").build_model(
            tf.TensorSpec([None, 9], tf.int32),
            lambda shape: keras.Sequential([keras.Input(shape), keras.layers.Dense(3)]),
            types.SimpleNamespace(vocabulary=WORDS),
        )


# Learning.


def test_a_repeated_sentence_is_learned_by_heart():
    random = np.random.default_rng(0)
    sentence = np.tile(random.integers(0, 30, 50), 3)
    windows = np.stack([sentence[start : start + 5] for start in range(100)])

    run = sslkeras.pretrain(
        NextWord(embedding_dim=16, hidden_units=32, weight_decay=0.0),
        texts(windows, tuple(map(str, range(30)))),
        "mlp",
        steps=300,
        batch_size=50,
        learning_rate=0.01,
    )

    assert run.history[-1]["perplexity"] < 1.2


def test_an_lstm_learns_what_an_ngram_cannot():
    # The second word of a row decides the last; between them all is alike.
    random = np.random.default_rng(0)
    words = random.integers(2, 4, 256)
    windows = np.stack([[1, word, 0, 0, 0, 0, word] for word in words])

    def last_loss(task):
        run = sslkeras.pretrain(
            task,
            texts(windows, tuple("abcd")),
            "mlp",
            steps=200,
            batch_size=32,
            learning_rate=0.02,
        )
        batch = next(iter(run.data.train.batches(256)))
        return -float(
            tf.reduce_mean(
                run.task.token_log_likelihoods(run.model, batch, SEED)["log_likelihood"][:, -1]
            )
        )

    assert last_loss(NextWord(architecture="lstm", hidden_units=8, num_layers=1)) < 0.4
    assert last_loss(NextWord(order=3, embedding_dim=8, hidden_units=8)) > 0.6
