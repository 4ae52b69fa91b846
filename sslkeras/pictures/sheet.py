"""Sheets: images, clips and words in rows and columns, pixel for pixel.

Images are enlarged by whole numbers, so that what lies in the file is what was given. Good
and bad cells are told apart by a sign as well as by colour.
"""

import dataclasses
import functools
import pathlib
import textwrap

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sslkeras.pictures.canvas import displayable

GOOD, BAD, QUERY = "good", "bad", "query"
_COLOURS = {GOOD: (0, 158, 115), BAD: (213, 94, 0), QUERY: (0, 114, 178), None: (205, 205, 205)}
_SIGNS = {GOOD: "✓ ", BAD: "✗ "}
_TEXT, _QUIET = (30, 34, 38), (95, 100, 108)
# Pixels: height that small images are enlarged to, about, greatest sides, and what lies between.
_HEIGHT, _LARGEST, _WIDEST = 100, 224, 720
_BORDER, _GAP, _MARGIN = 3, 8, 12
_WIDEST_TEXT, _LEAST_CAPTION = 260, 66
_MILLISECONDS = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """One cell of a sheet.

    Attributes:
        image: `(height, width, channels)` in [0, 1], or a clip with the time before; None for
            words alone.
        text: Words below the image.
        mark: "good" or "bad", shown by a sign and a colour; "query": what the others of the
            row answer to; None.
    """

    image: np.ndarray | None = None
    text: str = ""
    mark: str | None = None

    @property
    def words(self) -> str:
        """The text with the sign of the mark."""
        return (_SIGNS.get(self.mark, "") + self.text).strip()

    @functools.cached_property
    def frames(self) -> list:
        """uint8 `(height, width, 3)`, enlarged or reduced as they are shown."""
        if self.image is None:
            return []
        clip = self.image if np.ndim(self.image) == 4 else [self.image]
        return [_resized((displayable(frame) * 255).round().astype(np.uint8)) for frame in clip]


class Sheet:
    """Cells in rows and columns with titles.

    Args:
        rows: Lists of `Cell`; rows may differ in length.
        columns: Titles of the columns, or none.
        headings: Titles of the rows, or none.
        title: Above all.
    """

    def __init__(self, rows, *, columns=(), headings=(), title=""):
        self.rows, self.columns = [list(row) for row in rows], list(columns)
        self.headings, self.title = list(headings), title
        self._layout()

    @property
    def length(self) -> int:
        """Frames of the longest clip; 1 if nothing moves."""
        return max((len(cell.frames) for row in self.rows for cell in row), default=1) or 1

    def box(self, row, column):
        """Left, top, right and bottom of the image of a cell, in pixels of the sheet."""
        left, top = self._lefts[column] + _BORDER, self._tops[row] + _BORDER
        height, width = self.rows[row][column].frames[0].shape[:2]
        return left, top, left + width, top + height

    def draw(self, time=0) -> Image.Image:
        """The sheet at one moment; a shorter clip stands still at its end."""
        sheet = self._still.copy()
        for row, cells in enumerate(self.rows):
            for column, cell in enumerate(cells):
                if cell.frames:
                    frame = cell.frames[min(time, len(cell.frames) - 1)]
                    sheet.paste(Image.fromarray(frame), self.box(row, column)[:2])
        return sheet

    def save(self, folder, name) -> pathlib.Path:
        """Writes `name`.png into `folder`, or `name`.gif if something moves; returns its path."""
        still = self.length == 1
        path = pathlib.Path(folder) / f"{name}.{'png' if still else 'gif'}"
        first, *others = [self.draw(time) for time in range(self.length)]
        if still:
            first.save(path)
        else:
            first.save(path, save_all=True, append_images=others, duration=_MILLISECONDS, loop=0)
        return path

    def _layout(self):
        """Places all cells, and draws all that does not move."""
        count = max([len(self.columns), *map(len, self.rows)], default=0)
        titles = [_wrapped(text, _WIDEST_TEXT, _font(bold=True)) for text in self.columns]
        headings = [_wrapped(text, _WIDEST_TEXT, _font(bold=True)) for text in self.headings]
        words = [[_wrapped(cell.words, _room(cell), _font()) for cell in row] for row in self.rows]
        widths = [0] * count
        heights = [max(_size(text, _font(bold=True))[1] for text in (h, "")) for h in headings]
        heights += [0] * (len(self.rows) - len(heights))
        for i, row in enumerate(self.rows):
            for j, cell in enumerate(row):
                width, height = _size(words[i][j], _font())
                if cell.frames:
                    width = max(width, cell.frames[0].shape[1] + 2 * _BORDER)
                    height += cell.frames[0].shape[0] + 2 * _BORDER + (2 if height else 0)
                widths[j], heights[i] = max(widths[j], width), max(heights[i], height)
        for j, text in enumerate(titles):
            widths[j] = max(widths[j], _size(text, _font(bold=True))[0])
        left = _MARGIN
        if headings:
            left += max(_size(text, _font(bold=True))[0] for text in headings) + _GAP
        self._lefts = [left + sum(widths[:j]) + j * _GAP for j in range(count)]
        width = max(left + sum(widths) + _GAP * max(count - 1, 0) + _MARGIN, 320)
        title = _wrapped(self.title, width - 2 * _MARGIN, _font(15, bold=True))
        top = _MARGIN
        title_height = _size(title, _font(15, bold=True))[1]
        titles_top = top + (title_height + _GAP if title else 0)
        most = max((_size(text, _font(bold=True))[1] for text in titles), default=0)
        top = titles_top + (most + _GAP // 2 if titles else 0)
        self._tops = [top + sum(heights[:i]) + i * _GAP for i in range(len(self.rows))]
        bottom = top + sum(heights) + _GAP * max(len(self.rows) - 1, 0) + _MARGIN
        self._still = Image.new("RGB", (int(width), int(bottom)), "white")
        pen = ImageDraw.Draw(self._still)
        _write(pen, (_MARGIN, _MARGIN), title, _font(15, bold=True), _TEXT)
        for j, text in enumerate(titles):
            _write(pen, (self._lefts[j], titles_top), text, _font(bold=True), _QUIET)
        for i, text in enumerate(headings):
            _write(pen, (_MARGIN, self._tops[i] + _BORDER), text, _font(bold=True), _QUIET)
        for i, row in enumerate(self.rows):
            for j, cell in enumerate(row):
                self._draw_still(pen, i, j, cell, words[i][j])

    def _draw_still(self, pen, i, j, cell, words):
        colour = _COLOURS[cell.mark]
        left, top = self._lefts[j], self._tops[i]
        if cell.frames:
            box = self.box(i, j)
            line = _BORDER if cell.mark else 1
            edges = (box[0] - line, box[1] - line, box[2] + line - 1, box[3] + line - 1)
            pen.rectangle(edges, outline=colour, width=line)
            top = box[3] + _BORDER + 2
        _write(pen, (left, top), words, _font(), colour if cell.mark else _TEXT)


def _room(cell):
    """Width in pixels that the words of a cell may take."""
    if not cell.frames:
        return _WIDEST_TEXT
    return max(cell.frames[0].shape[1] + 2 * _BORDER, _LEAST_CAPTION)


def _resized(frame):
    """A uint8 frame, enlarged by a whole number or reduced to what a sheet has room for."""
    height, width = frame.shape[:2]
    if width > height:  # A strip may be wide.
        scale = min(_LARGEST / height, _WIDEST / width)
    else:
        scale = _LARGEST / height
    if scale < 1:
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))
    factor = max(1, min(round(_HEIGHT / height), _WIDEST // width))
    return frame.repeat(factor, axis=0).repeat(factor, axis=1)


@functools.cache
def _font(size=12, bold=False):
    # Matplotlib brings this font along on every system.
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf", name)
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _wrapped(text, width, font):
    """`text` in lines that are no wider than `width` pixels."""
    lines = []
    for line in text.split("\n"):
        length = font.getlength(line)
        if length > width:
            characters = max(4, int(width / (length / len(line))))
            lines += textwrap.wrap(line, characters)
        else:
            lines.append(line)
    return "\n".join(lines)


def _size(text, font):
    """Width and height of text in pixels."""
    if not text:
        return 0, 0
    lines = text.split("\n")
    return int(max(map(font.getlength, lines))) + 1, len(lines) * _line(font)


def _line(font):
    return int(font.size * 1.3)


def _write(pen, place, text, font, colour):
    for number, line in enumerate(text.split("\n")):
        pen.text((place[0], place[1] + number * _line(font)), line, font=font, fill=colour)
