"""Raw examples of any modality as cells: images, clips, sound, tokens and texts."""

import numpy as np
from matplotlib import colormaps
from scipy import signal

from sslkeras.pictures.canvas import displayable, strip
from sslkeras.pictures.sheet import Cell

# Frames of a clip that stand side by side; tokens and characters that are shown.
_FRAMES, _TOKENS, _CHARACTERS = 4, 40, 240
_WAVE = (64, 160)  # Height and width in pixels.
_WINDOW = 256  # Samples of a column of a spectrogram.


def input_cells(values, *, vocabulary=None, texts=None, marks=None) -> list:
    """A `Cell` for each example.

    | Values of an example | Shown as |
    | --- | --- |
    | `(height, width, channels)` | image |
    | `(time, height, width, channels)` | frames side by side |
    | `(views, time, height, width, channels)` | the first view |
    | real `(samples,)`, `(samples, 1)` or `(samples, 2)` | waveform, with its spectrogram if long |
    | real `(time, bands)` | map of the values, time to the right |
    | integers `(tokens,)` | words of the vocabulary, or the numbers |
    | text | text |

    Args:
        values: Array or list `(examples, ...)` as the data holds it; uint8 is pixels.
        vocabulary: Tokens by id, or None.
        texts: Words below each example, or None.
        marks: Mark of each cell, or None.
    """
    cells = []
    for i, value in enumerate(values):
        image, text = shown(value, vocabulary)
        words = "\n".join(filter(None, (text, texts[i] if texts is not None else "")))
        cells.append(Cell(image, words, marks[i] if marks is not None else None))
    return cells


def shown(value, vocabulary=None):
    """Image (or None) and text of one example; see `input_cells`."""
    value = np.asarray(value)
    if value.dtype == np.uint8:
        value = value.astype(np.float32) / 255.0
    if value.dtype.kind in "SUO":
        return None, _shortened(" ".join(map(as_text, value.ravel())))
    if value.ndim == 5:
        value = value[0]
    if value.ndim == 4:
        return still_clip(value), ""
    if value.ndim == 3:
        return displayable(value), ""
    if value.ndim == 0:
        return None, f"{value.item():g}"
    if value.dtype.kind in "iub":
        return None, _shortened(_words(value.ravel(), vocabulary))
    if value.ndim == 1 or value.shape[-1] <= 2:
        return sound(value.reshape(len(value), -1).mean(axis=-1)), ""
    return heat(np.flipud(value.T)), ""


def still_clip(clip, frames=_FRAMES):
    """`(height, width, 3)`: some frames of a clip side by side, the first and last among them."""
    chosen = np.linspace(0, len(clip) - 1, min(len(clip), frames)).round().astype(int)
    gap = max(1, clip.shape[2] // 16)
    return strip(np.stack([displayable(clip[i]) for i in chosen]), gap=gap)


def sound(samples):
    """`(height, width, 3)`: the waveform; of 1,024 samples or more the log-spectrogram below it."""
    wave = waveform(samples)
    if len(samples) < 4 * _WINDOW:
        return wave
    samples = np.nan_to_num(samples.astype(np.float64))
    *_, power = signal.spectrogram(samples, nperseg=_WINDOW, noverlap=_WINDOW // 2)
    # 80 dB from the loudest down, as is usual.
    level = np.log10(np.maximum(power, power.max() * 1e-8) + 1e-30)
    height, width = _WAVE
    columns = np.linspace(0, level.shape[1] - 1, width).round().astype(int)
    rows = np.linspace(level.shape[0] - 1, 0, height).round().astype(int)
    picture = heat(level[rows][:, columns])
    return np.concatenate([wave[:, :width], picture])


def waveform(samples):
    """`(height, width, 3)`: from the least to the greatest sample in each column.

    The scale is that of the example: its largest magnitude reaches the edge.
    """
    height, width = _WAVE
    parts = np.array_split(np.nan_to_num(samples.astype(np.float64)), min(width, len(samples)))
    largest = max(np.abs(samples).max(), 1e-9)
    # Rows of the greatest and the least sample; the row in the middle is 0.
    top, bottom = (
        np.round((1 - np.array([f(part) for part in parts]) / largest) / 2 * (height - 1))
        for f in (np.max, np.min)
    )
    rows = np.arange(height)[:, np.newaxis]
    inside = (rows >= top) & (rows <= bottom)
    image = np.ones((height, len(parts), 3), np.float32)
    image[inside] = (0.0, 0.447, 0.698)
    return image.repeat(max(1, width // len(parts)), axis=1)


def heat(values, colours="viridis", low=None, high=None):
    """`(height, width, 3)` colours of a map, from its least (or `low`) to its greatest value."""
    values = np.nan_to_num(np.asarray(values, np.float64))
    low = values.min() if low is None else low
    extent = (values.max() if high is None else high) - low
    share = np.clip((values - low) / extent, 0, 1) if extent > 0 else np.zeros_like(values)
    return colormaps[colours](share)[..., :3].astype(np.float32)


def label_text(label, label_names=None) -> str:
    """A label in words: its name where there is one."""
    if isinstance(label, (bytes, str)):
        return as_text(label)
    if isinstance(label, np.ndarray) and label.ndim:
        return " ".join(label_text(one, label_names) for one in label.ravel()[:6])
    if label_names is not None and 0 <= int(label) < len(label_names):
        return str(label_names[int(label)])
    return f"{label:g}" if np.issubdtype(np.asarray(label).dtype, np.floating) else str(label)


def as_text(word) -> str:
    """Text of bytes or of anything else."""
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


def _words(tokens, vocabulary):
    tokens = tokens[: int(np.flatnonzero(tokens)[-1]) + 1] if tokens.any() else tokens[:1]
    if vocabulary is None:
        words = [str(token) for token in tokens]
    else:
        words = [
            as_text(vocabulary[token]) if 0 <= token < len(vocabulary) else f"#{token}"
            for token in tokens
        ]
    return " ".join(words[:_TOKENS]) + (" …" if len(words) > _TOKENS else "")


def _shortened(text):
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
