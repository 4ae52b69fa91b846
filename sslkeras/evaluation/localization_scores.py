"""Maps of where something is, against true masks."""

import numpy as np
from scipy.stats import rankdata

IOU_THRESHOLDS = np.arange(21) / 20


def hits_with_peak(maps, truth):
    """Whether the first of the largest values lies inside the truth.

    Args:
        maps: float `(images, height, width)`.
        truth: bool `(images, height, width)`.

    Returns:
        bool `(images,)`.
    """
    peak = maps.reshape(len(maps), -1).argmax(axis=-1)
    return truth.reshape(len(truth), -1)[np.arange(len(truth)), peak]


def overlaps(maps, truth, threshold=0.5):
    """Intersection over union of the truth and where the map reaches the threshold.

    Returns:
        float64 `(images,)`; 1 where both are empty.
    """
    found = maps >= threshold
    union = (found | truth).sum(axis=(1, 2))
    return np.where(union > 0, (found & truth).sum(axis=(1, 2)) / np.maximum(union, 1), 1.0)


def success(values, threshold=0.5) -> float:
    """Share of images whose overlap reaches the threshold."""
    return float((np.asarray(values) >= threshold).mean())


def area_under_success(values) -> float:
    """Area under the share of images over thresholds 0, 0.05, ..., 1, by trapezoids."""
    shares = np.array([success(values, threshold) for threshold in IOU_THRESHOLDS])
    return float(np.mean((shares[1:] + shares[:-1]) / 2))


def pixel_auc(values, truth) -> float:
    """Area under the ROC curve of the pixels of one image; ties count half.

    Args:
        values: float `(height, width)`.
        truth: bool `(height, width)`.

    Returns:
        The area, or NaN if all pixels or none are true.
    """
    inside = int(truth.sum())
    outside = truth.size - inside
    if not inside or not outside:
        return float("nan")
    ranks = rankdata(values.ravel())[truth.ravel()].sum()
    return float((ranks - inside * (inside + 1) / 2) / (inside * outside))


def stretched(maps):
    """Each map scaled to [0, 1] by its smallest and largest value; a constant map is 0."""
    low = maps.min(axis=(1, 2), keepdims=True)
    extent = maps.max(axis=(1, 2), keepdims=True) - low
    return (maps - low) / np.where(extent > 0, extent, 1.0)


def centre_map(size):
    """Falls from 1 at the centre of the image in all directions to 0 at the corners.

    Args:
        size: Height and width.

    Returns:
        float64 `size`.
    """
    rows, columns = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size)
    return 1 - np.hypot(rows[:, np.newaxis], columns) / np.sqrt(2)


def box_masks(boxes, size):
    """Boxes as masks.

    Args:
        boxes: float `(images, 4)`: top, left, bottom, right in pixels, the last two outside.
        size: Height and width.

    Returns:
        bool `(images, *size)`: pixels whose centre lies in the box.
    """
    rows, columns = (np.arange(n) + 0.5 for n in size)
    top, left, bottom, right = np.asarray(boxes, np.float64).T[..., np.newaxis]
    inside_rows = (rows >= top) & (rows < bottom)
    inside_columns = (columns >= left) & (columns < right)
    return inside_rows[:, :, np.newaxis] & inside_columns[:, np.newaxis]
