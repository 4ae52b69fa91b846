"""Predicted frames below the true ones, and both as clips."""

import numpy as np

from sslkeras.pictures.sheet import QUERY, Cell, Sheet

STEPS = 10


def draw_predictions(predicted, truth, last, title="", moving=False, texts=None):
    """Two rows an example: what came, and what was predicted.

    Args:
        predicted: float `(examples, steps, height, width, channels)` in [0, 1].
        truth: The same of the true frames.
        last: float `(examples, height, width, channels)`, the last frame that was seen.
        title: Above the picture.
        moving: Whether the frames move, from the last one seen on; else they stand in a row.
        texts: Words to each example, or None.
    """
    texts = texts or [""] * len(truth)
    if moving:
        clips = [np.concatenate([last[:, np.newaxis], frames], 1) for frames in (truth, predicted)]
        rows = [[Cell(a), Cell(b, text)] for a, b, text in zip(*clips, texts, strict=True)]
        return Sheet(rows, columns=["truth", "predicted"], title=title)
    steps = truth.shape[1]
    chosen = np.unique(np.linspace(0, steps - 1, min(steps, STEPS)).round().astype(int))
    rows, headings = [], []
    for i, text in enumerate(texts):
        rows.append([Cell(last[i], mark=QUERY), *(Cell(truth[i, step]) for step in chosen)])
        rows.append([Cell(), *(Cell(predicted[i, step]) for step in chosen)])
        headings += ["truth", f"predicted\n{text}".strip()]
    columns = ["last seen", *(f"step {step + 1}" for step in chosen)]
    return Sheet(rows, columns=columns, headings=headings, title=title)
