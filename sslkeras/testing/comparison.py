"""Comparing structures of arrays: models' weights, outputs and examples."""

import numpy as np
import tensorflow as tf


def arrays(structure) -> list:
    """The leaves of `structure` as NumPy arrays; a sparse gradient becomes a dense one."""
    return [
        np.asarray(tf.convert_to_tensor(leaf))
        for leaf in tf.nest.flatten(structure)
        if leaf is not None
    ]


def difference(ours, theirs, *, relative=0.0, absolute=0.0) -> str | None:
    """Where two structures differ by more than rounding, in words; None if nowhere.

    Args:
        ours, theirs: Structures of tensors or arrays.
        relative: Allowed share of the greatest absolute value of each leaf.
        absolute: Allowed on top of that. Leaves of whole numbers, truth values and texts
            must always be equal.
    """
    ours, theirs = arrays(ours), arrays(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} tensors against {len(theirs)}"
    for number, (one, other) in enumerate(zip(ours, theirs)):
        where = f"tensor {number} of {len(ours)}"
        if one.shape != other.shape or one.dtype != other.dtype:
            return f"{where} is {_kind(one)} against {_kind(other)}"
        if one.dtype.kind not in "fc" and not _is_half(one):
            if not np.array_equal(one, other):
                return f"{np.sum(one != other)} of {one.size} elements differ in {where}"
            continue
        one, other = one.astype(np.float64), other.astype(np.float64)
        if not np.array_equal(np.isfinite(one), np.isfinite(other)):
            return f"{where} has infinite or undefined elements on one side only"
        scale = np.max(np.abs(other[np.isfinite(other)]), initial=0.0)
        with np.errstate(invalid="ignore"):
            gap = np.where(one == other, 0.0, np.abs(one - other))
        gap = np.nanmax(gap, initial=0.0)
        if gap > relative * scale + absolute:
            return (
                f"{where} ({_kind(one)}) differs by up to {gap:.3g}, its values reach {scale:.3g}"
            )
    return None


def _is_half(array):
    return array.dtype == tf.bfloat16.as_numpy_dtype


def _kind(array):
    return f"{array.dtype} {array.shape}"
