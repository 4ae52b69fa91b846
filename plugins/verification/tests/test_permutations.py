"""Tests of sslkeras_verification.permutations."""

import itertools

import numpy as np
import pytest
from sslkeras_verification.permutations import (
    all_permutations,
    candidates,
    checked_set,
    distances,
    finished,
    greedy,
    permutation_set,
    pool_size,
    pruned,
    read_set,
)

from sslkeras.errors import ConfigurationError


def rows(*words):
    return np.array([[int(digit) for digit in word] for word in words])


@pytest.mark.parametrize(
    ("tiles", "farthest", "expected", "mean", "least"),
    [
        (3, True, rows("012", "120", "201", "021"), 2.5, 2),
        (4, True, rows("0123", "1032", "2301", "3210", "0132", "1023"), 3.46666667, 2),
        (4, False, rows("0123", "0132", "0213", "0231", "0312", "0321"), 2.4, 2),
    ],
)
def test_greedy_choice_from_the_identity(tiles, farthest, expected, mean, least):
    chosen = greedy(all_permutations(tiles), len(expected), 0, farthest=farthest)

    np.testing.assert_array_equal(chosen, expected)
    np.testing.assert_allclose(distances(chosen).mean(), mean, rtol=1e-8)
    assert distances(chosen).min() == least


def test_the_second_to_fifth_of_nine_tiles():
    chosen = greedy(all_permutations(9), 5, 0) + 1

    np.testing.assert_array_equal(
        chosen[1:], rows("214365897", "341278956", "432189675", "567891234")
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_distances_of_nine_tiles_do_not_depend_on_the_first(seed):
    chosen = permutation_set(9, 100, "max", seed)

    assert (distances(chosen[:9]) == 9).all()
    for count, mean in ((10, 8.8), (24, 8.315217), (100, 8.08)):
        np.testing.assert_allclose(distances(chosen[:count]).mean(), mean, atol=5e-7)
    assert distances(chosen).min() == 2


def test_the_greedy_choice_is_that_of_the_algorithm_written_out():
    pool = all_permutations(5)
    picked = [7]
    while len(picked) < 12:
        totals = [
            -1 if index in picked else sum((row != pool[one]).sum() for one in picked)
            for index, row in enumerate(pool)
        ]
        picked.append(int(np.argmax(totals)))

    np.testing.assert_array_equal(greedy(pool, 12, 7), pool[picked])


def test_all_permutations_come_in_order_and_once():
    np.testing.assert_array_equal(all_permutations(4), list(itertools.permutations(range(4))))
    assert len(all_permutations(5)) == pool_size(5) == 120


def test_of_many_tiles_some_are_drawn():
    drawn = candidates(16, np.random.default_rng(0))

    assert len(drawn) == pool_size(16) == 100_000
    np.testing.assert_array_equal(np.sort(drawn[:50], axis=1), np.tile(np.arange(16), (50, 1)))


@pytest.mark.parametrize("mode", ["max", "middle", "min"])
def test_sets_hold_different_permutations_and_depend_on_the_seed(mode):
    first, again = (permutation_set.__wrapped__(5, 20, mode, 3) for _ in range(2))
    other = permutation_set(5, 20, mode, 4)

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(np.sort(first, axis=1), np.tile(np.arange(5), (20, 1)))
    assert len(np.unique(first, axis=0)) == 20
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1


def test_modes_differ_in_distance():
    least, middle, most = (
        distances(permutation_set(6, 30, mode, 0)).mean() for mode in ("min", "middle", "max")
    )

    assert least < middle < most


def test_pruning_leaves_what_differs_enough():
    chosen = permutation_set(9, 100, "max", 0)

    for least in (3, 7, 9):
        kept = pruned(chosen, least)
        assert distances(kept).min() >= least
        # Each of the others is too close to one that was kept.
        left_out = [row for row in chosen if not (kept == row).all(axis=1).any()]
        assert all(((kept != row).sum(axis=1) < least).any() for row in left_out)
    np.testing.assert_array_equal(permutation_set(9, 100, "max", 0, 7), pruned(chosen, 7))


def test_too_little_left_is_refused():
    with pytest.raises(ConfigurationError, match="must leave at least two.*leaves 1 of 3"):
        finished(rows("0123", "0132", "0213"), 4)


def test_sets_of_users_may_count_from_one():
    given = rows("0123", "1032")

    np.testing.assert_array_equal(checked_set(given, 4), given)
    np.testing.assert_array_equal(checked_set(given + 1, 4), given)
    np.testing.assert_array_equal(checked_set([[0.0, 1.0], [1.0, 0.0]], 2), rows("01", "10"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[0, 1, 2], [0, 1]], "rows of different lengths"),
        ([[0, 1, 2]], r"an array of shape \(1, 3\)"),
        ([[0, 1], [1, 0]], r"an array of shape \(2, 2\)"),
        ([[0, 1, 2], [0, 1, 1]], r"\[0, 1, 1\] in row 1"),
        ([[0, 1, 2], [0, 1, 3]], r"\[0, 1, 3\] in row 1"),
        ([[0, 1, 2], [0, 1, 2]], "one of them twice"),
        ([[0, 1, 2], [0, 1.5, 2]], "fractions"),
    ],
)
def test_what_is_no_set_is_refused(given, message):
    with pytest.raises(ConfigurationError, match=message):
        checked_set(given, 3)


def test_sets_are_read_from_files(tmp_path):
    given = rows("1032", "3210")
    np.save(tmp_path / "set.npy", given)
    (tmp_path / "set.txt").write_text("1 0 3 2\n3 2 1 0\n")

    for name in ("set.npy", "set.txt"):
        np.testing.assert_array_equal(read_set(str(tmp_path / name)), given)


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "set.txt").write_text("one two\n")
    np.save(tmp_path / "objects.npy", np.array([{}, {}], object), allow_pickle=True)

    for name in ("set.txt", "objects.npy", "nowhere.npy"):
        with pytest.raises(ConfigurationError, match="or the path of a .npy file.*Check the file"):
            read_set(str(tmp_path / name))
