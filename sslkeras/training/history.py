"""history.csv: one row an epoch, exact floats, no times, so that equal runs are equal files."""

import csv
import io
import pathlib
import time

from sslkeras.errors import RunError
from sslkeras.training.files import write_atomically


class History:
    """The rows of a run: "stage", "epoch", "step", "learning_rate", then the metrics.

    Args:
        path: Where history.csv lies, or None to keep the rows in memory only.
    """

    # Short epochs come faster than it makes sense to write a file.
    _SECONDS_BETWEEN_WRITES = 1.0

    def __init__(self, path: pathlib.Path | None):
        self.path = path
        self.rows = read_history(path) if path and path.is_file() else []
        self._written_at = 0.0

    def truncate(self, stage_index: int, epoch: int):
        """Forgets the rows from this epoch on, which a resumed run makes again."""
        before = (stage_index, epoch)
        self.rows = [r for r in self.rows if (r["stage_index"], r["epoch"]) < before]

    def append(self, row: dict):
        """Adds the row of one epoch; written at most once a second."""
        self.rows.append(row)
        if time.monotonic() - self._written_at > self._SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self):
        """Writes the file. Called before each checkpoint, which counts on the rows before it."""
        if self.path is None:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        # repr() of a float reads back as the same float.
        writer.writerows(
            {k: repr(v) if isinstance(v, float) else v for k, v in row.items()} for row in self.rows
        )
        write_atomically(self.path, text.getvalue())
        self._written_at = time.monotonic()


def read_history(path: pathlib.Path) -> list[dict]:
    """The rows of a history.csv with numbers as numbers.

    Raises:
        RunError: If it cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [
                {name: _number(value) for name, value in row.items() if value not in ("", None)}
                for row in csv.DictReader(file, strict=True)
            ]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise RunError(
            f"history.csv must be one that a run wrote. Received: {path} ({error}). Restore it "
            "from a backup, or remove it."
        ) from error


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
