"""Tests of sslkeras_word_prediction.windows."""

import numpy as np
import tensorflow as tf
from sslkeras_word_prediction.windows import ShownWord, blocks_of


def inputs_of(tokens, reach, document=None):
    tokens = np.array(tokens, np.int32)
    document = np.zeros_like(tokens) if document is None else np.array(document, np.int32)
    return {
        "tokens": tf.constant(tokens),
        "reach": tf.constant(np.array(reach, np.int32)),
        "document": tf.constant(document),
        "noise": tf.range(len(tokens)) - 1,
    }


def pairs_of(blocks):
    found = []
    for block, word, beside in np.argwhere(blocks.band.numpy() > 0):
        found.append((int(blocks.words[block, word]), int(blocks.around[block, beside])))
    return sorted(found)


def naive_pairs(tokens, reach, document):
    found = []
    for text, far, documents in zip(tokens, reach, document):
        kept = [place for place in range(len(text)) if far[place] >= 0]
        for n, place in enumerate(kept):
            for m, other in enumerate(kept):
                near = 0 < abs(n - m) <= far[place]
                if near and documents[place] == documents[other]:
                    found.append((int(text[place]), int(text[other])))
    return sorted(found)


def test_neighbours_are_those_within_reach_and_a_window_closes_over_what_is_left_out():
    blocks = blocks_of(inputs_of([[1, 2, 3, 4]], [[1, -1, 2, 1]]), 2)

    assert pairs_of(blocks) == [(1, 3), (3, 1), (3, 4), (4, 3)]


def test_pairs_of_many_texts_are_those_of_a_plain_loop():
    random = np.random.default_rng(0)
    tokens = random.integers(1, 1000, (7, 40))
    reach = random.integers(-1, 6, (7, 40))
    document = np.cumsum(random.random((7, 40)) < 0.1, axis=1)

    blocks = blocks_of(inputs_of(tokens, reach, document), 5)

    assert pairs_of(blocks) == naive_pairs(tokens, reach, document)


def test_texts_of_one_word_or_none_have_no_neighbours():
    blocks = blocks_of(inputs_of([[5, 0], [6, 0], [7, 0]], [[2, -1], [2, -1], [-1, -1]]), 2)

    assert pairs_of(blocks) == []
    assert pairs_of(blocks_of(inputs_of([[5]], [[-1]]), 2)) == []


def test_each_word_of_a_batch_has_a_key_of_its_own():
    blocks = blocks_of(inputs_of(np.ones((5, 20)), np.ones((5, 20))), 1)

    assert len(np.unique(blocks.keys.numpy().ravel()[:100])) == 100


def test_the_word_in_the_middle_is_shown_with_its_neighbours():
    inputs = inputs_of([[1, 2, 3, 4, 5]], [[1, 1, -1, 1, 1]])

    place, beside = ShownWord(1)([inputs[name] for name in ("tokens", "reach", "document")])

    # Of the four that are left, the second and the third are the middle.
    assert place.numpy() == [1]
    assert beside.numpy().tolist() == [[1, 0, 0, 1, 0]]
