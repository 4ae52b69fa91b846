"""Tests of sslkeras_word_prediction.word_outputs."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction.windows import blocks_of
from sslkeras_word_prediction.word_outputs import (
    FullSoftmax,
    HierarchicalSoftmax,
    NegativeSampling,
)

WORDS = [[0.1, 0.2], [0.3, -0.1], [-0.2, 0.4], [0.5, 0.5], [0.0, -0.3]]
OUTPUT = [[0.2, 0.1], [-0.1, 0.3], [0.4, -0.2], [0.1, 0.1], [-0.3, 0.2]]
# The mean of the words 0, 1, 3 and 4.
HIDDEN = tf.constant([[0.225, 0.075]])
COUNTS = [40, 20, 15, 10, 5]
NO_KEYS, NO_NOISE = tf.zeros([1], tf.uint64), tf.zeros([1], tf.int32)


def with_table(layer, table, counts=None):
    table = np.array(table, np.float32)
    layer.build((None, table.shape[1]))
    layer.table.assign(table)
    if counts is not None:
        layer.set_counts(counts)
    return layer


# Negative sampling, against numbers worked out by hand.


def test_a_pair_beside_noise_of_its_own():
    # Words 0 (true) and 1 to 3 (noise).
    output = with_table(
        NegativeSampling(4, 3, None, 0.75), [[0.2, 0.1], [-0.3, 0.1], [0.6, 0.2], [0.1, -0.5]]
    )
    vector = tf.constant([[0.5, -0.25]])

    with tf.GradientTape() as tape:
        tape.watch(vector)
        loss = output.losses_beside(vector, tf.constant([0]), tf.constant([[1, 2, 3]]))
        found = tape.gradient(loss, [vector, output.table])

    np.testing.assert_allclose(loss, [2.8762304220], rtol=1e-6)
    np.testing.assert_allclose(found[0], [[0.1585096186, -0.1618737906]], rtol=1e-5)
    of_table = tf.convert_to_tensor(found[1])
    np.testing.assert_allclose(of_table[0], [-0.2406293921, 0.1203146960], rtol=1e-5)
    np.testing.assert_allclose(of_table[1], [0.2281806564, -0.1140903282], rtol=1e-5)


def shared_case():
    """Words 7 and 9 are true, and 9 is drawn; 8 has the vector of 9."""
    table = np.zeros((10, 2))
    table[3], table[4], table[5] = [-0.3, 0.1], [0.1, -0.5], [0.25, 0.25]
    table[7], table[9] = [0.2, 0.1], [0.6, -0.4]
    table[8] = table[9]
    output = with_table(NegativeSampling(10, 2, 4, 0.75), table)
    return output, tf.constant([[0.5, -0.25], [-0.1, 0.3]])


@pytest.mark.parametrize(
    "second, false_terms, mean",
    [
        (9, [1.5159207480, 1.0292002671], 1.9943314404),
        # Nothing is drawn that is true.
        (8, [1.5159207480, 1.3327961295], 2.1461293716),
    ],
)
def test_pairs_that_share_noise(second, false_terms, mean):
    output, vectors = shared_case()

    losses = output.losses_beside(vectors, tf.constant([7, second]), tf.constant([3, 9, 4, 5]))

    expected = np.array([0.6563501408, 0.7871917248]) + false_terms
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(np.mean(losses), mean, rtol=1e-6)


def test_blocks_have_the_loss_and_gradients_of_their_pairs():
    random = np.random.default_rng(0)
    tokens = tf.constant(random.integers(0, 12, (6, 25)), tf.int32)
    inputs = {
        "tokens": tokens,
        "reach": tf.constant(random.integers(-1, 4, (6, 25)), tf.int32),
        "document": tf.zeros_like(tokens),
        "noise": tf.range(6),
    }
    blocks = blocks_of(inputs, 3)
    output = with_table(NegativeSampling(12, 3, 7, 0.75), random.normal(size=(12, 4)))
    table = tf.Variable(random.normal(size=(12, 4)).astype(np.float32))
    drawn = tf.constant([0, 3, 3, 5, 11, 2, 7])

    def whole():
        return output.block_loss(tf.gather(table, blocks.words), blocks, drawn)

    def pair_by_pair():
        block, word, beside = np.argwhere(blocks.band.numpy() > 0).T
        vectors = tf.gather(table, blocks.words.numpy()[block, word])
        return tf.reduce_sum(
            output.losses_beside(vectors, blocks.around.numpy()[block, beside], drawn)
        )

    found = []
    for loss_of in (whole, pair_by_pair):
        with tf.GradientTape() as tape:
            loss = loss_of()
        gradients = tape.gradient(loss, [table, output.table])
        found.append([loss, *(tf.convert_to_tensor(one) for one in gradients)])

    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_shared_and_own_noise_have_the_same_expected_loss():
    random = np.random.default_rng(0)
    table = random.normal(size=(6, 3))
    counts = [50, 20, 10, 8, 4, 1]
    shared = with_table(NegativeSampling(6, 4, 10, 0.75), table, counts)
    own = with_table(NegativeSampling(6, 4, None, 0.75), table, counts)
    vector = tf.constant(random.normal(size=(1, 3)), tf.float32)

    def mean_and_error(losses):
        return np.mean(losses), np.std(losses) / np.sqrt(len(losses))

    with_shared = tf.function(
        lambda seed: shared.pair_losses(vector, tf.constant([2]), NO_KEYS, seed[tf.newaxis])
    )
    one, of_one = mean_and_error([float(with_shared(tf.constant(n))[0]) for n in range(600)])
    keys = tf.cast(tf.range(4000), tf.uint64)
    two, of_two = mean_and_error(
        own.pair_losses(tf.repeat(vector, 4000, 0), tf.fill([4000], 2), keys, NO_NOISE).numpy()
    )

    assert abs(one - two) < 3 * np.hypot(of_one, of_two)


@pytest.mark.parametrize("shared", [8, None])
def test_the_first_loss_is_that_of_k_plus_one_coins(shared):
    # The true word has a count of 0, so that it is never drawn.
    output = with_table(NegativeSampling(5, 3, shared, 0.75), np.zeros((5, 2)), [1, 2, 0, 4, 5])

    losses = output.pair_losses(HIDDEN, tf.constant([2]), NO_KEYS, NO_NOISE)

    np.testing.assert_allclose(losses, [4 * np.log(2)], rtol=1e-6)


def test_the_noise_of_a_batch_comes_from_its_first_text():
    output = with_table(NegativeSampling(50, 3, 20, 0.75), np.zeros((50, 2)), np.ones(50))

    first, again, other = (
        output.shared_noise(tf.constant(noise)).numpy() for noise in ([3, 4], [3, 5], [4, 3])
    )

    assert np.array_equal(first, again) and not np.array_equal(first, other)


# The softmax and the tree.


def test_full_softmax():
    output = with_table(FullSoftmax(5), OUTPUT)

    losses = output.pair_losses(HIDDEN, tf.constant([2]), NO_KEYS, NO_NOISE)

    np.testing.assert_allclose(
        output.scores(HIDDEN), [[0.0525, 0, 0.075, 0.03, -0.0525]], atol=1e-7
    )
    np.testing.assert_allclose(losses, [1.5564137781], rtol=1e-6)
    zeros = with_table(FullSoftmax(5, use_bias=True), np.zeros((5, 2)))
    start = zeros.pair_losses(HIDDEN, tf.constant([2]), NO_KEYS, NO_NOISE)
    np.testing.assert_allclose(start, [np.log(5)], rtol=1e-6)
    assert len(zeros.trainable_weights) == 2


def tree():
    nodes = [[0.1, -0.2], [0.3, 0.2], [-0.4, 0.1], [0.2, 0.2]]
    return with_table(HierarchicalSoftmax.for_counts(COUNTS), nodes, COUNTS)


def test_the_turns_of_a_tree():
    # The codes 0, 10, 110, 1111, 1110 from the root, node 3, down to node 0.
    output = tree()
    output.paths.assign(
        [[4, 0, 0, 0], [-4, 3, 0, 0], [-4, -3, 2, 0], [-4, -3, -2, -1], [-4, -3, -2, 1]]
    )

    losses = output.pair_losses(tf.repeat(HIDDEN, 5, 0), tf.range(5), NO_KEYS, NO_NOISE)

    expected = [0.6635971131, 1.4588448337, 2.0290925544, 2.8084967662, 2.8009967662]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(output.scores(HIDDEN)[0], -np.array(expected), rtol=1e-6)


def test_the_probabilities_of_a_tree_are_one_together():
    np.testing.assert_allclose(np.exp(tree().scores(HIDDEN)).sum(), 1.0, rtol=1e-6)


def test_answers_are_the_likeliest_words():
    output = with_table(FullSoftmax(5), OUTPUT)

    assert output(HIDDEN).numpy().tolist() == [[2, 0, 3, 1, 4]]
