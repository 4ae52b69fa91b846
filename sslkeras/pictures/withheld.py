"""What the task withheld of held-out examples, and what the model answered."""

import pathlib

import numpy as np
from PIL import Image

from sslkeras import report
from sslkeras.pictures.canvas import bare, displayable, draw_image, new_figure, save, strip
from sslkeras.pictures.examples import pretext_examples

_MOST_FRAMES = 8
_GIF_SIDE, _GIF_MILLISECONDS = 96, 150


def draw(run, folder, examples, seed):
    """Writes withheld.png, a row an example, and withheld.gif if there are clips."""
    inputs, targets = pretext_examples(run, examples, seed)
    columns = run.task.draw(inputs, targets, run.model(inputs, training=False))
    if not columns:
        report.warn(
            "The picture 'withheld' is left out: the task does not say how to draw its examples "
            "(it has no `draw`)."
        )
        return []
    columns = {title: _cells(cells, examples) for title, cells in columns.items()}
    paths = [save(_grid(columns), folder, "withheld")]
    clips = {title: cells for title, (kind, cells) in columns.items() if kind == "clip"}
    if clips:
        paths.append(_animate(clips, pathlib.Path(folder) / "withheld.gif"))
    return paths


def _cells(cells, examples):
    """("image", "clip" or "text") and at most `examples` cells of it."""
    if isinstance(cells, (list, tuple)) and all(isinstance(cell, str) for cell in cells):
        return "text", list(cells)[:examples]
    cells = np.asarray(cells)[:examples]
    if cells.ndim == 5:
        return "clip", [np.stack([displayable(frame) for frame in clip]) for clip in cells]
    return "image", [displayable(image) for image in cells]


def _grid(columns):
    rows = max(len(cells) for _, cells in columns.values())
    widths = [_width(kind, cells) for kind, cells in columns.values()]
    height = 1.25
    figure = new_figure(max(sum(widths) * height, 4.0), rows * height + 0.6)
    axes = figure.subplots(rows, len(columns), squeeze=False, width_ratios=widths)
    for j, (title, (kind, cells)) in enumerate(columns.items()):
        axes[0, j].set_title(title, fontsize=11)
        for i in range(rows):
            bare(axes[i, j])
            if i >= len(cells):
                continue
            if kind == "text":
                axes[i, j].text(0.5, 0.5, cells[i], ha="center", va="center", wrap=True, fontsize=9)
            elif kind == "clip":
                draw_image(axes[i, j], _strip(cells[i]))
            else:
                draw_image(axes[i, j], cells[i])
    return figure


def _width(kind, cells):
    """Width of a column in units of its height."""
    if kind == "text":
        return float(np.clip(max(map(len, cells), default=1) * 0.075, 1.3, 6.0))
    image = _strip(cells[0]) if kind == "clip" else cells[0]
    return float(np.clip(image.shape[1] / image.shape[0], 0.5, _MOST_FRAMES + 1.0))


def _strip(clip):
    shown = np.linspace(0, len(clip) - 1, min(len(clip), _MOST_FRAMES)).round().astype(int)
    return strip(clip[shown], gap=max(1, clip.shape[2] // 16))


def _animate(clips, path):
    """Writes all clips as one GIF: a row an example, a column a title."""
    length = max(len(clip) for cells in clips.values() for clip in cells)
    frames = []
    for time in range(length):
        # A shorter clip stands still at its end.
        columns = [
            np.concatenate([_framed(clip[min(time, len(clip) - 1)]) for clip in cells])
            for cells in clips.values()
        ]
        tallest = max(len(column) for column in columns)
        columns = [
            np.pad(c, ((0, tallest - len(c)), (0, 0), (0, 0)), constant_values=255) for c in columns
        ]
        frames.append(Image.fromarray(np.concatenate(columns, axis=1)))
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=_GIF_MILLISECONDS, loop=0
    )
    return path


def _framed(frame):
    """uint8 frame, enlarged to whole multiples of its pixels, with a white border."""
    factor = max(1, _GIF_SIDE // max(frame.shape[:2]))
    large = (frame * 255).round().astype(np.uint8).repeat(factor, 0).repeat(factor, 1)
    return np.pad(large, ((3, 3), (3, 3), (0, 0)), constant_values=255)
