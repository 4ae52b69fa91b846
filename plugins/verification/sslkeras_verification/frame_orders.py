"""The orders of n frames as classes, an order and its reversal being one."""

import functools
import itertools

import numpy as np

# The classes of four frames as the release of sequence sorting numbers them, 0-based.
RELEASED = (
    (0, 1, 2, 3),
    (0, 2, 1, 3),
    (0, 2, 3, 1),
    (0, 1, 3, 2),
    (0, 3, 1, 2),
    (0, 3, 2, 1),
    (1, 0, 2, 3),
    (1, 0, 3, 2),
    (1, 2, 0, 3),
    (2, 0, 1, 3),
    (2, 0, 3, 1),
    (2, 1, 0, 3),
)


@functools.cache
def order_classes(num_frames) -> np.ndarray:
    """int32 `(classes, num_frames)`: one order of each class, n! / 2 of them.

    An order p says which frame stands in which place. Of an order and its reversal the one
    with p[0] < p[-1] is listed; they are sorted lexicographically.
    """
    orders = itertools.permutations(range(num_frames))
    return np.array([order for order in orders if order[0] < order[-1]], np.int32)


def class_of(order) -> int:
    """The class of an order, 0-based, or of its reversal."""
    order = list(order)
    wanted = order if order[0] < order[-1] else order[::-1]
    return int(np.flatnonzero((order_classes(len(order)) == wanted).all(axis=1))[0])


def released_classes() -> np.ndarray:
    """int32 `(12,)`: the class here of each class of the release, for four frames."""
    return np.array([class_of(order) for order in RELEASED], np.int32)


def slot_pairs(num_frames) -> tuple:
    """Pairs of places i < j, neighbours first: (0, 1), (1, 2), ..., (0, 2), ..."""
    return tuple(
        (first, first + gap) for gap in range(1, num_frames) for first in range(num_frames - gap)
    )
