"""Files that are either whole or as they were, and JSON of others."""

import json
import os
import pathlib


def read_json(path: pathlib.Path):
    """The content of a JSON file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no JSON, or nested deeper than Python can read.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def write_atomically(path: pathlib.Path, text: str):
    """Writes `text` so that after a crash `path` holds the old or the new text, never half."""
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
