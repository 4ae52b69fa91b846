"""Tests of sslkeras_word_prediction.skipgram, and of what it shares with missing_word."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.skipgram import Skipgram
from sslkeras_word_prediction.windows import blocks_of

import sslkeras
from plugins.word_prediction.tests.grouped_words import grouped_words, share_of_own_group
from plugins.word_prediction.tests.small_texts import WORDS, small_texts
from sslkeras.datasets import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.pictures.show import show
from sslkeras.training.surrogate_model import as_surrogate_model

SEED = tf.constant([3, 4])


def built(task, data=None):
    keras.utils.set_random_seed(0)
    data = data or small_texts(WORDS, first=2)
    spec = task.examples(data.train, 1).element_spec[0]
    model = as_surrogate_model(task.build_model(spec, sslkeras.encoders.create("mlp"), data))
    model.compile("sgd", metrics=task.metrics())
    return model


def a_batch(length=10, count=400):
    return {
        "tokens": tf.fill([count, length], 3),
        "num_tokens": tf.fill([count], length),
        "frequency": tf.fill([count, length], 0.01),
    }


# The pretext.


def test_words_are_left_out_as_often_as_their_frequency_tells():
    inputs, words = Skipgram(subsample=1e-5).pretext(a_batch(), SEED)

    kept = np.mean(inputs["reach"] >= 0)
    # 4,000 draws with p = 0.0326.
    assert abs(kept - 0.0326228) < 4 * np.sqrt(0.0326 * 0.9674 / 4000)
    assert np.all(words == 3)
    everything, _ = Skipgram(subsample=0).pretext(a_batch(), SEED)
    assert np.all(everything["reach"] >= 1)


def test_pairs_are_distributed_as_those_of_tensorflow_addons():
    addons = pytest.importorskip("tensorflow_addons")
    words, total = 6, 20_000
    shares = [0.5, 0.2, 0.15, 0.1, 0.04, 0.01]
    tokens = np.random.default_rng(0).choice(words, total, p=shares)
    counts = np.bincount(tokens, minlength=words)
    batch = {
        "tokens": tf.constant(tokens[np.newaxis], tf.int32),
        "num_tokens": tf.constant([total]),
        "frequency": tf.constant((counts / total)[tokens][np.newaxis], tf.float32),
    }
    names = tf.constant([str(word) for word in range(words)])
    table = tf.lookup.KeyValueTensorInitializer(names, tf.constant(counts, tf.float32))

    inputs, _ = Skipgram(window=5, subsample=0.1).pretext(batch, SEED)
    blocks = blocks_of(inputs, 5)
    theirs = addons.text.skip_gram_sample(
        tf.gather(names, tokens),
        min_skips=1,
        max_skips=5,
        vocab_freq_table=tf.lookup.StaticHashTable(table, -1.0),
        vocab_min_count=1,
        vocab_subsampling=0.1,
        corpus_size=total,
        seed=4,
    )

    block, place, beside = np.nonzero(blocks.band.numpy())
    ours = blocks.words.numpy()[block, place], blocks.around.numpy()[block, beside]
    theirs = (part.numpy().astype(int) for part in theirs)
    found = []
    for word, neighbour in (ours, theirs):
        pairs = np.zeros((words, words))
        np.add.at(pairs, (word, neighbour), 1)
        found.append(pairs)
    # Some 80,000 pairs on each side; each kind differs by chance alone.
    assert (np.abs(found[0] - found[1]) / np.sqrt(found[0] + found[1])).max() < 3.5


def test_reach_is_uniform_or_the_whole_window():
    dynamic, _ = Skipgram(window=5, subsample=0).pretext(a_batch(), SEED)
    fixed, _ = Skipgram(window=5, subsample=0, dynamic_window=False).pretext(a_batch(), SEED)

    reach = dynamic["reach"].numpy()
    for away in range(1, 6):
        # A neighbour so far away is used with probability (c - d + 1) / c.
        assert abs(np.mean(reach >= away) - (6 - away) / 5) < 4 * np.sqrt(0.25 / 4000)
    assert np.all(fixed["reach"] == 5)


def test_padding_is_no_word():
    batch = {**a_batch(), "num_tokens": tf.fill([400], 4)}

    inputs, _ = Skipgram(subsample=0).pretext(batch, SEED)

    assert np.all((inputs["reach"].numpy() >= 0) == (np.arange(10) < 4))


def test_documents_of_a_text_are_told_apart_where_the_dataset_does():
    document = tf.constant([[0, 0, 1, 1, 1]])
    batch = {"tokens": tf.constant([[1, 2, 3, 4, 5]]), "num_tokens": tf.constant([5])}

    inputs, _ = Skipgram(subsample=0).pretext({**batch, "document": document}, SEED)

    np.testing.assert_array_equal(inputs["document"], document)
    assert "document" in Skipgram().optional_reads and "frequency" in Skipgram().reads
    assert "frequency" not in Skipgram(subsample=0).reads


# The model.


def batch_of(model, tokens, reach, targets=None):
    tokens = np.array(tokens, np.int32)
    inputs = {
        "tokens": tf.constant(tokens),
        "reach": tf.constant(np.array(reach, np.int32)),
        "document": tf.zeros_like(tokens),
        "noise": tf.range(len(tokens)),
    }
    return model.losses_of(inputs, tf.constant(tokens), None, training=True)


@pytest.mark.parametrize("output, first", [("softmax", np.log(9)), ("negative", 6 * np.log(2))])
def test_the_first_loss_is_known(output, first):
    # Words 2 and 3 only: of 7 words that occur others are drawn mostly, and never counted twice.
    model = built(Skipgram(output=output, embedding_dim=4, shared_negatives=None))

    _, losses = batch_of(model, [[2, 3, 2, 3]], [[1, 1, 1, 1]])

    assert float(losses["model"]) <= first + 1e-5
    if output == "softmax":
        np.testing.assert_allclose(losses["model"], first, rtol=1e-5)


def test_the_sum_over_pairs_is_minimised_and_the_mean_reported():
    model = built(Skipgram(output="softmax", embedding_dim=4))

    outputs, losses = batch_of(model, [[2, 3, 4, 5]], [[1, 1, 1, 1]])
    objective = model.objectives_of(losses, outputs)["model"]

    # 6 pairs.
    np.testing.assert_allclose(objective, 6 * losses["model"], rtol=1e-6)


@pytest.mark.parametrize("shared", [16, None])
def test_only_words_that_are_there_or_drawn_have_a_gradient(shared):
    model = built(Skipgram(embedding_dim=4, num_negatives=1, shared_negatives=shared))
    table = model.get_layer("encoder").get_layer("token_embedding").embeddings
    output = model.get_layer("output")
    output.table.assign(tf.random.stateless_normal([9, 4], SEED))

    with tf.GradientTape() as tape:
        outputs, losses = batch_of(model, [[2, 3, 5]], [[1, 0, 1]])
        objective = model.objectives_of(losses, outputs)["model"]
    of_words, of_output = (
        tf.convert_to_tensor(one) for one in tape.gradient(objective, [table, output.table])
    )

    # 3 is a neighbour of 2 and 5, and has none itself.
    assert set(np.flatnonzero(np.any(of_words.numpy() != 0, axis=1))) == {2, 5}
    assert np.any(of_output[3].numpy() != 0)
    # Padding and unknown words do not occur: they are never noise.
    assert not np.any(of_output[:2].numpy() != 0)


def test_exchanging_both_tables_and_the_sides_of_all_pairs_leaves_the_loss():
    model = built(Skipgram(embedding_dim=4, output="softmax"))
    table = model.get_layer("encoder").get_layer("token_embedding").embeddings
    output = model.get_layer("output")
    output.table.assign(tf.random.stateless_normal([9, 4], SEED))
    words, beside = tf.constant([2, 3, 4]), tf.constant([5, 6, 5])
    scores = tf.reduce_sum(tf.gather(table, words) * tf.gather(output.table, beside), axis=1)
    own = table.numpy()
    table.assign(output.table)
    output.table.assign(own)

    swapped = tf.reduce_sum(tf.gather(table, beside) * tf.gather(output.table, words), axis=1)

    np.testing.assert_allclose(tf.nn.softplus(-scores), tf.nn.softplus(-swapped), rtol=1e-6)


def test_vectors_start_small_and_outputs_with_zeros():
    model = built(Skipgram(embedding_dim=10))
    table = model.get_layer("encoder").get_layer("token_embedding").embeddings.numpy()

    assert 0.04 < np.abs(table).max() <= 0.05
    assert not np.any(model.get_layer("output").table.numpy())


# Learning, and what comes of it.


@pytest.mark.parametrize(
    "arguments",
    [
        {"shared_negatives": 16},
        {"shared_negatives": None},
        {"output": "softmax"},
        {"output": "hierarchical"},
    ],
)
def test_learns_which_words_go_together(arguments):
    task = Skipgram(embedding_dim=8, window=2, num_negatives=3, subsample=0, **arguments)

    run = sslkeras.pretrain(
        task, grouped_words(), "mlp", steps=500, batch_size=4, optimizer="sgd", learning_rate=0.05
    )

    # Chance is 4 of 19.
    assert share_of_own_group(run) > 0.9


def test_nearest_words_are_drawn_and_said(tmp_path, capsys):
    run = sslkeras.pretrain(
        Skipgram(embedding_dim=8, window=2, num_negatives=3, subsample=0),
        grouped_words(),
        "mlp",
        steps=500,
        batch_size=4,
        optimizer="sgd",
        learning_rate=0.05,
    )
    capsys.readouterr()

    (path,) = show(run, pictures="nearest_words", words=["b2", "d0"], output=tmp_path)

    assert path == tmp_path / "nearest_words.png" and path.stat().st_size > 1000
    lines = capsys.readouterr().err.splitlines()
    assert [line[:3] for line in lines] == ["b2:", "d0:"]
    for line in lines:
        found = [pair.split()[0] for pair in line[4:].split(", ")]
        assert len(found) == 6 and {word[0] for word in found[:4]} == {line[0]}
    show(run, pictures="nearest_words", examples=3, output=tmp_path)
    assert len(capsys.readouterr().err.splitlines()) == 3

    with pytest.raises(ConfigurationError, match="Received: 'b9'. Ask for another"):
        show(run, words=["b2", "b9"], output=tmp_path)
    with pytest.raises(ConfigurationError, match="of a task that fills them. Received: a run of"):
        show(run, texts=["a [MASK]"], output=tmp_path)


def test_vectors_are_of_the_words_of_the_dataset():
    task = Skipgram(embedding_dim=3)
    model = built(task)

    words, vectors = task.word_vectors(model)

    assert tuple(words) == WORDS and vectors.shape == (9, 3)
    means = task.encoders(model)["encoder"](tf.constant([[2, 4, 0, 0]]))
    np.testing.assert_allclose(means[0], (vectors[2] + vectors[4]) / 2, rtol=1e-5)


def test_output_vectors_are_those_by_which_words_are_told():
    task = Skipgram(embedding_dim=3)
    model = built(task)
    model.get_layer("output").table.assign(tf.random.stateless_normal([9, 3], SEED))

    vectors = task.output_word_vectors(model)

    told = model.get_layer("output")(tf.constant(vectors[4:5] * 100))
    assert vectors.shape == (9, 3) and np.argmax(vectors @ vectors[4]) == int(told[0, 0])
    tree = Skipgram(embedding_dim=3, output="hierarchical")
    with pytest.raises(ConfigurationError, match="of Skipgram need output='negative' or 'softmax'"):
        tree.output_word_vectors(built(tree))


def test_pictures_show_a_word_its_neighbours_and_answers():
    task = Skipgram(embedding_dim=4, output="softmax", window=1, dynamic_window=False, subsample=0)
    data = small_texts(WORDS, first=2)
    model = built(task, data)
    tokens = tf.constant([[2, 3, 4]])
    batch = {"tokens": tokens, "num_tokens": tf.constant([3])}
    model.get_layer("output").table.assign(tf.random.stateless_normal([9, 4], SEED))

    inputs, targets = task.pretext(batch, SEED)
    cells = task.draw(inputs, targets, model(inputs, training=False))

    assert cells["word"] == ["b"] and cells["neighbours"] == ["a c"]
    assert len(cells["answers"][0].split()) == 5


# What is refused.


@pytest.mark.parametrize(
    "arguments",
    [
        {"window": 0},
        {"num_negatives": 0},
        {"subsample": -0.1},
        {"subsample": 1.1},
        {"shared_negatives": 0},
        {"noise_exponent": float("inf")},
        {"subsample_rule": "gensim"},
        {"output": "nce"},
    ],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ConfigurationError, match=f"`{next(iter(arguments))}` of Skipgram must"):
        Skipgram(**arguments)


def test_a_dataset_without_words_or_counts_is_refused():
    bare = Given(ArraySplit({"tokens": np.zeros((2, 3), np.int32), "num_tokens": np.ones(2, int)}))
    with pytest.raises(ConfigurationError, match="vocabulary of at least 2 words"):
        Skipgram(subsample=0)._parts(bare)
    bare.vocabulary = WORDS
    with pytest.raises(ConfigurationError, match="how often each word occurs"):
        Skipgram(subsample=0)._parts(bare)
    bare.token_counts = np.array([1, 2])
    with pytest.raises(DataError, match="a count for each word"):
        Skipgram(subsample=0)._parts(bare)
