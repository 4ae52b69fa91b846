"""Joints against true joints: the percentage of correct keypoints (PCK).

Y. Yang, D. Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts", TPAMI
2013; lengths as in the public evaluation code of JHMDB.
"""

import numpy as np

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
# The side that a box of a person would have, from the diagonal of the box of the joints.
_SIDE_OF_DIAGONAL = 0.6


def reference_length(joints, norm="box"):
    """The length that errors are measured by.

    Args:
        joints: float `(..., joints, 2)`; NaN for joints that are not there.
        norm: "box": 0.6 times the diagonal of the tight box of the joints. "max_side": the
            longer side of that box.

    Returns:
        float `(...)`.
    """
    high = np.where(np.isnan(joints), -np.inf, joints).max(axis=-2)
    low = np.where(np.isnan(joints), np.inf, joints).min(axis=-2)
    sides = np.maximum(high - low, 0.0)  # Without any joint: 0.
    if norm == "max_side":
        return sides.max(axis=-1)
    return _SIDE_OF_DIAGONAL * np.hypot(sides[..., 0], sides[..., 1])


def correct_keypoints(truth, prediction, thresholds=THRESHOLDS, norm="box"):
    """Which joints lie close enough to the true ones.

    Args:
        truth: float `(frames, joints, 2)`; NaN for joints that are not there.
        prediction: float `(frames, joints, 2)`.
        thresholds: Shares of the reference length, bounds included.
        norm: See `reference_length`.

    Returns:
        float64 `(thresholds, frames, joints)` of 0 and 1; NaN where the joint is not there
        or the frame's joints all lie on one point.
    """
    length = reference_length(truth, norm)[:, np.newaxis]
    distance = np.linalg.norm(truth - prediction, axis=-1)
    limits = np.asarray(thresholds)[:, np.newaxis, np.newaxis] * length
    unknown = np.isnan(truth).any(axis=-1) | ~(length > 0)
    return np.where(unknown, np.nan, distance <= limits)


def mean_over_joints(correct):
    """PCK: the share of correct frames of each joint, averaged over joints.

    Args:
        correct: float `(thresholds, frames, joints)` of 0, 1 and NaN, frames of all clips.

    Returns:
        float `(thresholds,)`.
    """
    known = ~np.isnan(correct)
    joints = known.any(axis=(0, 1))
    shares = np.nansum(correct, axis=1)[:, joints] / known.sum(axis=1)[:, joints]
    return shares.mean(axis=-1)
