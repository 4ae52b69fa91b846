"""What all pictures share: figures without global state, colours, images in cells."""

import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's palette without its yellow, which is hard to see on white: told apart
# with any kind of colour vision. https://jfly.uni-koeln.de/color/
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "^", "s", "X", "v", "D", "P")


def new_figure(width, height) -> Figure:
    """An empty figure of this size in inches, laid out automatically."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure, folder, name) -> pathlib.Path:
    """Writes `name`.png into `folder` and returns its path."""
    path = pathlib.Path(folder) / f"{name}.png"
    figure.savefig(path, facecolor="white")
    return path


def style(index):
    """Colour and marker of the index-th class: 49 different pairs."""
    shift = index // len(PALETTE)
    return PALETTE[index % len(PALETTE)], MARKERS[(index + shift) % len(MARKERS)]


def displayable(image):
    """An image as matplotlib takes it: float `(height, width, 3)` in [0, 1].

    One channel is grey; of other numbers than 1 and 3 the mean is shown.
    """
    image = np.nan_to_num(np.asarray(image, np.float32))
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.shape[-1] != 3:
        image = np.repeat(image.mean(axis=-1, keepdims=True), 3, axis=-1)
    return np.clip(image, 0.0, 1.0)


def fitted(image, side):
    """uint8 pixels of an image that fit into a square, sharp: enlarged by a whole number.

    Args:
        image: `(height, width, channels)` in [0, 1]; see `displayable`.
        side: Pixels of the square's side.

    Returns:
        uint8 `(height, width, 3)`, reduced by averages where the image is larger.
    """
    pixels = (displayable(image) * 255).round().astype(np.uint8)
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return pixels.repeat(int(scale), axis=0).repeat(int(scale), axis=1)


def bare(axes):
    """Removes ticks and frame of `axes`."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_image(axes, image, **options):
    """Draws `image` with sharp pixels and a thin frame, without ticks."""
    drawn = axes.imshow(image, interpolation="nearest", **options)
    bare(axes)
    for spine in axes.spines.values():  # Where a white image ends.
        spine.set(visible=True, color="0.75", linewidth=0.5)
    return drawn


def strip(frames, gap=1):
    """Frames `(time, height, width, 3)` side by side with white gaps."""
    separator = np.ones((frames.shape[1], gap, 3), np.float32)
    parts = [part for frame in frames for part in (frame, separator)]
    return np.concatenate(parts[:-1], axis=1)
