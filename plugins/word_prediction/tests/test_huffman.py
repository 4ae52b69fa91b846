"""Tests of sslkeras_word_prediction.huffman."""

import heapq

import numpy as np
from sslkeras_word_prediction.huffman import huffman_paths

COUNTS = [40, 20, 15, 10, 5]


def lengths(counts):
    return (huffman_paths(counts) != 0).sum(axis=1)


def test_frequent_words_have_short_codes():
    found = lengths(COUNTS)

    assert list(found) == [1, 2, 3, 4, 4]
    np.testing.assert_allclose(found @ COUNTS / 90, 2.0555555556, rtol=1e-9)


def test_codes_start_at_the_root_and_no_code_begins_another():
    paths = huffman_paths(COUNTS)

    assert set(abs(paths[:, 0])) == {4}
    codes = ["".join("0" if step > 0 else "1" for step in path if step) for path in paths]
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    # What begins alike goes through the same nodes.
    seen = {}
    for path, code in zip(paths, codes):
        for place, node in enumerate(abs(path[path != 0])):
            assert seen.setdefault(code[:place], node) == node
    assert len(seen) == 4


def test_the_mean_length_is_the_least_possible_one():
    counts = np.random.default_rng(0).integers(1, 1000, 300)
    heap, cost = list(map(int, counts)), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)

    assert lengths(counts) @ counts == cost


def test_words_that_do_not_occur_are_not_in_the_tree():
    found = lengths([0, 3, 0, 5, 1])

    assert list(found) == [0, 2, 0, 1, 2]
