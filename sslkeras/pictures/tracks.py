"""Labels that were carried through clips, beside the true ones: moving, and as strips."""

import numpy as np

from sslkeras.pictures.overlays import with_masks, with_points
from sslkeras.pictures.sheet import Cell, Sheet

MOMENTS = 6


def draw_tracks(clips, title="", moving=True):
    """Clips with true and with carried labels.

    Args:
        clips: Dicts with "frames" `(time, height, width, channels)` in [0, 1], "truth" and
            "carried", both int masks `(time, height, width)` or points `(time, joints, 2)`,
            and "text".
        title: Above the picture.
        moving: Whether the clips move side by side; else some frames stand in a row.
    """
    both = [
        (clip["text"], *(_laid_over(clip["frames"], clip[k]) for k in ("truth", "carried")))
        for clip in clips
    ]
    if moving:
        rows = [[Cell(truth), Cell(carried, text)] for text, truth, carried in both]
        return Sheet(rows, columns=["truth", "carried from frame 0"], title=title)
    rows, headings = [], []
    for text, truth, carried in both:
        chosen = np.linspace(0, len(truth) - 1, min(len(truth), MOMENTS)).round().astype(int)
        rows.append([Cell(truth[t], f"frame {t}") for t in chosen])
        rows.append([Cell(carried[t], "given" if t == 0 else "") for t in chosen])
        headings += ["truth", f"carried\n{text}"]
    return Sheet(rows, headings=headings, title=title)


def _laid_over(frames, labels):
    draw = with_points if labels.ndim == 3 and labels.shape[-1] == 2 and _is_real(labels) else None
    draw = draw or with_masks
    return np.stack([draw(frame, one) for frame, one in zip(frames, labels, strict=True)])


def _is_real(labels):
    return np.issubdtype(labels.dtype, np.floating)
