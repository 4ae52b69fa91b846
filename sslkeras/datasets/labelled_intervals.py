"""A CSV file of labelled intervals of videos."""

import csv
import dataclasses
import os

from sslkeras.errors import DataError

_REQUIRED = ("video", "label")
_OPTIONAL = ("start_frame", "end_frame", "sequence", "split")


@dataclasses.dataclass(frozen=True)
class Interval:
    """One line of the file.

    Attributes:
        video: Name of the video.
        label: What is seen.
        start: First frame.
        end: The frame after the last one; None for the end of the video.
        sequence: Name of the sequence of intervals that it belongs to, or "".
        split: "train", "test" or "".
    """

    video: str
    label: str
    start: int
    end: int | None
    sequence: str
    split: str


def read_intervals(path) -> list[Interval]:
    """Reads the columns video and label, and where there are any start_frame, end_frame (not
    included), sequence and split; others are left alone.

    Raises:
        DataError: If the file cannot be read, lacks a column, or a line makes no sense.
    """
    try:
        with open(os.path.expanduser(path), newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"`labels` must be a CSV file. Received: {path!r} ({error}). Check the path."
        ) from error
    missing = [name for name in _REQUIRED if name not in columns]
    if missing or not lines:
        raise DataError(
            f"`labels` must have lines with the columns {', '.join(_REQUIRED)}, and may have "
            f"{', '.join(_OPTIONAL)}. Received: {path!r} with {len(lines)} lines of the columns "
            f"{', '.join(columns) or 'none'}. Name the columns in its first line."
        )
    return [_interval(path, number, line) for number, line in lines]


def _interval(path, number, line):
    values = {name: (line.get(name) or "").strip() for name in (*_REQUIRED, *_OPTIONAL)}
    try:
        start = int(values["start_frame"] or 0)
        end = int(values["end_frame"]) if values["end_frame"] else None
        sound = start >= 0 and (end is None or end > start)
    except ValueError:
        sound = False
    if not (sound and values["video"] and values["label"]):
        raise DataError(
            "An interval must have a video, a label, and whole numbers 0 <= start_frame < "
            f"end_frame. Received: line {number} of {path!r}: {line}. Mend the line."
        )
    if values["split"] not in ("", "train", "test"):
        raise DataError(
            f"`split` must be train or test. Received: {values['split']!r} in line {number} of "
            f"{path!r}. Mend the line."
        )
    return Interval(
        values["video"], values["label"], start, end, values["sequence"], values["split"]
    )
