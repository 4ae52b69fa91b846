"""Tests of sslkeras_word_prediction.missing_word; what it shares is tested with skipgram."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.missing_word import MissingWord
from sslkeras_word_prediction.word_vector_model import Aggregate

import sslkeras
from plugins.word_prediction.tests.grouped_words import grouped_words, share_of_own_group
from plugins.word_prediction.tests.small_texts import WORDS, small_texts
from sslkeras.datasets import ArraySplit, Given
from sslkeras.errors import ConfigurationError
from sslkeras.training.surrogate_model import as_surrogate_model

SEED = tf.constant([3, 4])
TABLE = np.array([[0.1, 0.2], [0.3, -0.1], [-0.2, 0.4], [0.5, 0.5], [0.0, -0.3]], np.float32)
OUTPUT = np.array([[0.2, 0.1], [-0.1, 0.3], [0.4, -0.2], [0.1, 0.1], [-0.3, 0.2]], np.float32)


def built(task, data):
    keras.utils.set_random_seed(0)
    spec = task.examples(data.train, 1).element_spec[0]
    model = as_surrogate_model(task.build_model(spec, sslkeras.encoders.create("mlp"), data))
    model.compile("sgd", metrics=task.metrics())
    return model


def five_words():
    data = Given(
        ArraySplit({"tokens": np.zeros((2, 5), np.int32), "num_tokens": np.full(2, 5, np.int32)})
    )
    data.vocabulary, data.token_counts = tuple("vwxyz"), np.array([40, 20, 15, 10, 5])
    return data


def hand_made(**arguments):
    model = built(MissingWord(embedding_dim=2, window=2, subsample=0, **arguments), five_words())
    table_of(model).assign(TABLE)
    model.get_layer("output").table.assign(OUTPUT)
    return model


def table_of(model):
    return model.get_layer("encoder").get_layer("token_embedding").embeddings


def loss_of(model, tokens, reach):
    tokens = np.array([tokens], np.int32)
    inputs = {
        "tokens": tf.constant(tokens),
        "reach": tf.constant(np.array([reach], np.int32)),
        "document": tf.zeros_like(tokens),
        "noise": tf.range(1),
    }
    _, losses = model.losses_of(inputs, tf.constant(tokens), None, training=True)
    return losses["model"]


# The word 2 between the words 0, 1 and 3, 4, against numbers worked out by hand.
MIDDLE = ([0, 1, 2, 3, 4], [0, 0, 2, 0, 0])


@pytest.mark.parametrize("how, loss", [("mean", 1.5564137781), ("sum", 1.4086709269)])
def test_softmax_of_the_mean_and_of_the_sum(how, loss):
    model = hand_made(output="softmax", aggregate=how)

    np.testing.assert_allclose(loss_of(model, *MIDDLE), loss, rtol=1e-6)
    # The order of the neighbours does not matter.
    np.testing.assert_allclose(loss_of(model, [4, 0, 2, 1, 3], MIDDLE[1]), loss, rtol=1e-6)


def test_what_is_no_neighbour_does_not_matter_whatever_its_vector():
    model = hand_made(output="softmax")
    table_of(model).assign(np.concatenate([TABLE[:4], [[1e3, -1e3]]]))

    # The word 2 with the neighbours 0 and 3; 4 is left out, or too far.
    loss = loss_of(model, [4, 0, 2, 3, 4], [-1, 0, 1, 0, 0])

    np.testing.assert_allclose(loss, 1.6132007969, rtol=1e-6)


@pytest.mark.parametrize(
    "tokens, reach, loss", [(*MIDDLE, 2.0433334853), ([0, 2, 3], [0, 1, 0], 2.0934317093)]
)
def test_negative_sampling_and_its_gradient(tokens, reach, loss, monkeypatch):
    model = hand_made(num_negatives=2, shared_negatives=2)
    output = model.get_layer("output")
    # Each drawn once, with a weight of 2 / 2.
    monkeypatch.setattr(output, "shared_noise", lambda noise: tf.constant([0, 4]))

    with tf.GradientTape() as tape:
        found = loss_of(model, tokens, reach)
    words, outputs = tape.gradient(found, [table_of(model), output.table])

    np.testing.assert_allclose(found, loss, rtol=1e-6)
    if len(tokens) == 5:
        of_words = tf.convert_to_tensor(words).numpy()
        expected = [-0.0589856301, 0.0612348896]
        np.testing.assert_allclose(of_words[[0, 1, 3, 4]], [expected] * 4, rtol=1e-5)
        # The word itself is not among its neighbours.
        assert not np.any(of_words[2])
    of_outputs = tf.convert_to_tensor(outputs).numpy()
    assert set(np.flatnonzero(np.any(of_outputs != 0, axis=1))) == {0, 2, 4}


def test_words_without_neighbours_do_not_count():
    model = hand_made(output="softmax")

    # 3 and 4 reach nobody, so that the mean is over 2 alone; then there is nothing at all.
    np.testing.assert_allclose(loss_of(model, *MIDDLE), 1.5564137781, rtol=1e-6)
    assert float(loss_of(model, [1, 2], [0, 0])) == 0


def test_mean_and_sum_of_vectors():
    vectors, beside = tf.constant(TABLE[np.newaxis]), tf.constant([[1.0, 1, 0, 1, 1]])

    np.testing.assert_allclose(Aggregate("mean")([vectors, beside])[0], [0.225, 0.075], rtol=1e-6)
    np.testing.assert_allclose(Aggregate("sum")([vectors, beside])[0], [0.9, 0.3], rtol=1e-6)
    assert not np.any(Aggregate("mean")([vectors, tf.zeros([1, 5])]))


@pytest.mark.parametrize("output", ["softmax", "hierarchical"])
def test_probabilities_of_words_given_both_sides(output):
    task = MissingWord(embedding_dim=2, window=1, output=output, subsample=0)
    model = built(task, five_words())
    table_of(model).assign(TABLE)
    table = model.get_layer("output").table
    table.assign(OUTPUT[: table.shape[0]])
    batch = {"tokens": tf.constant([[0, 2, 3, 1]]), "num_tokens": tf.constant([3])}

    found = task.token_log_likelihoods(model, batch, SEED)

    assert found["scored"].numpy().tolist() == [[True, True, True, False]]
    # The word 2 between 0 and 3.
    np.testing.assert_allclose(
        found["log_likelihood"][0, 1], -loss_of(model, [0, 2, 3], [0, 1, 0]), rtol=1e-5
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"shared_negatives": 16},
        {"shared_negatives": None},
        {"output": "softmax", "use_bias": True},
        {"output": "hierarchical"},
    ],
)
def test_learns_which_words_go_together(arguments):
    task = MissingWord(embedding_dim=8, window=2, num_negatives=3, subsample=0, **arguments)

    run = sslkeras.pretrain(
        task, grouped_words(), "mlp", steps=500, batch_size=4, optimizer="sgd", learning_rate=0.1
    )

    # Chance is 4 of 19.
    assert share_of_own_group(run) > 0.9


def test_a_word_is_shown_with_its_neighbours_and_answers():
    task = MissingWord(embedding_dim=4, window=1, dynamic_window=False, subsample=0)
    model = built(task, small_texts(WORDS, first=2))

    inputs, targets = task.pretext(
        {"tokens": tf.constant([[2, 3, 4]]), "num_tokens": tf.constant([3])}, SEED
    )
    cells = task.draw(inputs, targets, model(inputs, training=False))

    assert cells["word"] == ["b"] and cells["neighbours"] == ["a c"]
    assert len(cells["answers"][0].split()) == 5


@pytest.mark.parametrize(
    "arguments", [{"window": 0}, {"aggregate": "max"}, {"use_bias": True}, {"num_negatives": 0}]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ConfigurationError, match=f"`{next(iter(arguments))}` of MissingWord must"):
        MissingWord(**arguments)
