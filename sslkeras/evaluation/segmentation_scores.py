"""Masks against true masks: the region score J and the boundary score F.

F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung, "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016;
conventions for empty masks and quarters of a clip as in the evaluation code of DAVIS 2017.
"""

import math

import numpy as np
from scipy import ndimage

# The tolerance of a boundary, as a share of the image diagonal.
BOUNDARY_TOLERANCE = 0.008


def region_score(truth, prediction) -> float:
    """J: intersection over union of two bool masks; 1 if both are empty."""
    union = np.logical_or(truth, prediction).sum()
    return float(np.logical_and(truth, prediction).sum() / union) if union else 1.0


def boundary(mask):
    """Pixels that differ from their right, lower or lower right neighbour.

    Args:
        mask: bool `(height, width)`.

    Returns:
        bool `(height, width)`; beyond the border the image goes on as it ends.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here, right = padded[:-1, :-1], padded[:-1, 1:]
    below, diagonal = padded[1:, :-1], padded[1:, 1:]
    return (here != right) | (here != below) | (here != diagonal)


def boundary_score(truth, prediction, tolerance=BOUNDARY_TOLERANCE) -> float:
    """F: harmonic mean of the precision and recall of the boundary of a mask.

    A boundary pixel counts as found if one of the other boundary lies within
    `ceil(tolerance * diagonal)` pixels of it. If only one mask has a boundary F is 0; if
    none has, 1.

    Args:
        truth: bool `(height, width)`.
        prediction: bool `(height, width)`.
        tolerance: Share of the image diagonal.
    """
    true_edge, edge = boundary(truth), boundary(prediction)
    if not true_edge.any() or not edge.any():
        return float(true_edge.any() == edge.any())
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    offsets = np.arange(-radius, radius + 1)
    disk = offsets[:, np.newaxis] ** 2 + offsets**2 <= radius**2
    precision = (edge & ndimage.binary_dilation(true_edge, disk)).sum() / edge.sum()
    recall = (true_edge & ndimage.binary_dilation(edge, disk)).sum() / true_edge.sum()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def over_time(values):
    """Mean, recall and decay of one object's scores.

    Args:
        values: Scores of the frames of a clip in order, at least one.

    Returns:
        Their mean, the share above 0.5, and the mean of the first quarter less that of the
        last.
    """
    values = np.asarray(values, np.float64)
    # Halves go up, by the small number; quarters share their border frames.
    edges = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first, last = values[edges[0] : edges[1] + 1], values[edges[3] : edges[4] + 1]
    return float(values.mean()), float((values > 0.5).mean()), float(first.mean() - last.mean())


def clip_scores(truth, prediction):
    """Scores of each object of a clip; the first frame is given and the last not judged.

    Args:
        truth: int `(time, height, width)`, 0 for the background and 1 to `objects`.
        prediction: Likewise.

    Returns:
        A list with one dict an object of the first frame: "J", "J recall", "J decay", "F",
        "F recall" and "F decay".
    """
    result = []
    for index in np.unique(truth[0][truth[0] > 0]):
        scores = {}
        for name, score in (("J", region_score), ("F", boundary_score)):
            values = [score(truth[t] == index, prediction[t] == index) for t in _judged(truth)]
            mean, recall, decay = over_time(values)
            scores |= {name: mean, f"{name} recall": recall, f"{name} decay": decay}
        result.append(scores)
    return result


def _judged(truth):
    return range(1, len(truth) - 1)
