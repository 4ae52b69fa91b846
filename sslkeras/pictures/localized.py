"""Maps of where something is, over the images, with the outline of the truth."""

import numpy as np

from sslkeras.pictures.overlays import OBJECTS, with_map, with_outline
from sslkeras.pictures.sheet import BAD, GOOD, Cell, Sheet

_PEAK = np.array(OBJECTS[2], np.float32)


def draw_maps(images, maps, truth, hits, overlaps, title=""):
    """The image and the map over it; the outline is the truth, the dot the largest value.

    Args:
        images: float `(images, height, width, channels)` in [0, 1].
        maps: float `(images, height, width)` in [0, 1].
        truth: bool `(images, height, width)`.
        hits: bool `(images,)`: whether the largest value lies inside the truth.
        overlaps: float `(images,)`: intersection over union.
        title: Above the picture.
    """
    cells = []
    for image, values, mask, hit, overlap in zip(images, maps, truth, hits, overlaps, strict=True):
        laid = with_outline(with_map(image, values), mask)
        row, column = np.unravel_index(values.argmax(), values.shape)
        reach = max(0, min(values.shape) // 64)
        rows = slice(max(row - reach, 0), row + reach + 1)
        laid[rows, max(column - reach, 0) : column + reach + 1] = _PEAK
        cells.append([Cell(image), Cell(laid, f"IOU {overlap:.2f}", GOOD if hit else BAD)])
    pairs = [cells[i : i + 3] for i in range(0, len(cells), 3)]
    rows = [[cell for pair in three for cell in pair] for three in pairs]
    columns = ["image", "map and truth"] * len(pairs[0])
    return Sheet(rows, columns=columns, title=title)
