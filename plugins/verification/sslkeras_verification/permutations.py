"""Sets of permutations that differ in many places.

M. Noroozi, P. Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw
Puzzles", ECCV 2016, algorithm 1.
"""

import functools
import itertools
import math

import numpy as np

from sslkeras.errors import ConfigurationError

# Of more tiles than this not all permutations are looked at, but so many drawn at random.
_MOST_TILES, _CANDIDATES = 9, 100_000


@functools.lru_cache(maxsize=16)
def permutation_set(tiles, count, mode, seed, min_distance=None) -> np.ndarray:
    """A set of permutations, the same for the same arguments.

    Args:
        tiles: Length of a permutation.
        count: How many.
        mode: "max": each next one has the greatest total distance to those before; "min": the
            least; "middle": drawn at random.
        seed: Chooses the first one, and what else is drawn.
        min_distance: See `pruned`; None for all.

    Returns:
        int32 `(permutations, tiles)`, not writable.

    Raises:
        ConfigurationError: If `min_distance` leaves fewer than two.
    """
    random = np.random.default_rng(seed)
    pool = candidates(tiles, random)
    first = int(random.integers(len(pool)))
    if mode == "middle":
        others = np.delete(np.arange(len(pool)), first)
        rows = [first, *random.choice(others, count - 1, replace=False)]
        chosen = pool[rows]
    else:
        chosen = greedy(pool, count, first, farthest=mode == "max")
    return finished(chosen, min_distance)


def finished(rows, min_distance) -> np.ndarray:
    """`rows` pruned, as int32 that cannot be written to.

    Raises:
        ConfigurationError: If fewer than two are left.
    """
    kept = rows if min_distance is None else pruned(rows, min_distance)
    if len(kept) < 2:
        raise ConfigurationError(
            "`min_distance` of Jigsaw must leave at least two permutations. Received: "
            f"min_distance={min_distance}, which leaves {len(kept)} of {len(rows)}. Choose a "
            "smaller one, or more permutations."
        )
    kept = np.array(kept, np.int32)
    kept.flags.writeable = False
    return kept


def pool_size(tiles) -> int:
    """How many permutations a set is chosen from."""
    return math.factorial(tiles) if tiles <= _MOST_TILES else _CANDIDATES


def candidates(tiles, random) -> np.ndarray:
    """What a set is chosen from, in lexicographic order.

    Args:
        tiles: Length of a permutation.
        random: `np.random.Generator`, used where not all are looked at.

    Returns:
        Small unsigned integers `(candidates, tiles)`.
    """
    if tiles <= _MOST_TILES:
        return all_permutations(tiles)
    dtype = np.min_scalar_type(tiles - 1)
    drawn = np.tile(np.arange(tiles, dtype=dtype), (_CANDIDATES, 1))
    # So many tiles have so many permutations that two alike are all but impossible.
    return np.unique(random.permuted(drawn, axis=1), axis=0)


@functools.lru_cache(maxsize=4)
def all_permutations(tiles) -> np.ndarray:
    """uint8 `(tiles!, tiles)`, in lexicographic order."""
    flat = itertools.chain.from_iterable(itertools.permutations(range(tiles)))
    return np.fromiter(flat, np.uint8).reshape(-1, tiles)


def greedy(pool, count, first, *, farthest=True) -> np.ndarray:
    """Picks permutations one by one, each farthest from (or closest to) those picked before.

    Distance is the number of places that differ, summed over those picked. That sum is kept
    for all of the pool; a step adds what the newest one brings. Of equals the first is picked.

    Args:
        pool: Small unsigned integers `(candidates, tiles)`.
        count: How many to pick, at most all.
        first: Row of the first one.
        farthest: Whether the greatest distance is wanted, or the least.

    Returns:
        The rows picked, in that order.
    """
    columns = np.ascontiguousarray(pool.T)
    # Places that agree with one picked before, summed: few where the distance is great.
    agreeing = np.zeros(len(pool), np.int32)
    taken = np.iinfo(np.int32).max // 2 * (1 if farthest else -1)
    choose = np.argmin if farthest else np.argmax
    picked = [first]
    for _ in range(count - 1):
        newest = picked[-1]
        agreeing[newest] = taken
        matches = np.zeros(len(pool), columns.dtype)
        for column in columns:
            matches += column == column[newest]
        agreeing += matches
        picked.append(int(choose(agreeing)))
    return pool[picked]


def pruned(rows, min_distance) -> np.ndarray:
    """Those of `rows` that differ in `min_distance` places or more from all kept before."""
    kept = rows[:1]
    for row in rows[1:]:
        if np.all(np.count_nonzero(kept != row, axis=1) >= min_distance):
            kept = np.concatenate([kept, row[np.newaxis]])
    return kept


def distances(rows) -> np.ndarray:
    """int `(pairs,)`: in how many places each two of `rows` differ."""
    rows = np.asarray(rows)
    return np.concatenate(
        [np.count_nonzero(rows[i + 1 :] != row, axis=1) for i, row in enumerate(rows)]
    )


def checked_set(rows, tiles) -> np.ndarray:
    """A user's set as it is used: int32 `(permutations, tiles)` of numbers from 0.

    Args:
        rows: Array or lists, of numbers from 0 or from 1.
        tiles: Length of a permutation.

    Raises:
        ConfigurationError: If a row is no permutation, or two are alike.
    """
    must = f"`permutations` of Jigsaw must be two or more different permutations of {tiles} tiles."
    try:
        rows = np.asarray(rows)
    except ValueError:
        raise ConfigurationError(
            f"{must} Received: rows of different lengths. Give {tiles} numbers in each."
        ) from None
    if rows.ndim != 2 or rows.shape[1] != tiles or len(rows) < 2:
        raise ConfigurationError(
            f"{must} Received: an array of shape {rows.shape}. Give a row a permutation."
        )
    if not np.all(rows == np.round(rows)):
        raise ConfigurationError(f"{must} Received: fractions. Give whole numbers.")
    rows = rows.astype(np.int64) - (1 if rows.min() == 1 else 0)
    wrong = np.flatnonzero((np.sort(rows, axis=1) != np.arange(tiles)).any(axis=1))
    if len(wrong):
        raise ConfigurationError(
            f"{must} Received: {rows[wrong[0]].tolist()} in row {wrong[0]}. Name each tile once."
        )
    if len(np.unique(rows, axis=0)) < len(rows):
        raise ConfigurationError(f"{must} Received: one of them twice. Leave it out.")
    return rows.astype(np.int32)


def read_set(path) -> np.ndarray:
    """The array of a `.npy` file, or of a text file with a permutation a line.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    try:
        if str(path).endswith(".npy"):
            return np.load(path, allow_pickle=False)
        return np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "`permutations` of Jigsaw must be rows, or the path of a .npy file or of a text file "
            f"with a permutation a line. Received: {str(path)!r} ({error}). Check the file."
        ) from error
