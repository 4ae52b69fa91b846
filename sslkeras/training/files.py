"""Files that are either whole or as they were."""

import os
import pathlib


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
