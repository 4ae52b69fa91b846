"""Features on disk: written batch by batch, read as a memory map, found again by content."""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time

import numpy as np

from sslkeras.datasets.disk_cache import load_arrays
from sslkeras.errors import RunError
from sslkeras.training.files import read_json, write_atomically

FOLDER = "features"
_FORMAT = 1
_ROWS, _ARRAYS, _DESCRIPTION = "rows.f32", "targets.npz", "entry.json"
# Entries that were not used for the longest time go when a folder holds more bytes than this.
_MOST_BYTES = 2**36
# What a killed process left half written is removed after a day.
_ABANDONED_SECONDS = 86_400.0


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is stored under one key.

    Attributes:
        rows: float32 `(rows, features)`, a read-only memory map.
        arrays: Small arrays by name.
    """

    rows: np.ndarray
    arrays: dict


class FeatureStore:
    """Features in a folder, one entry a key.

    An entry is written beside its place and moved there when it is complete, so that a kill
    leaves no half of it and processes may share the folder.

    Args:
        folder: Where entries are kept; made when it is first needed. None: a temporary folder
            that goes with this object.
    """

    def __init__(self, folder=None):
        self._folder = None if folder is None else pathlib.Path(folder)
        self._temporary = None
        self._used = set()

    @property
    def keeps(self) -> bool:
        """Whether another process can find the entries again."""
        return self._folder is not None

    def entry(self, key, produce) -> Entry:
        """The entry of `key`, made by `produce` if there is none.

        Args:
            key: What the rows depend on, as JSON; None if that cannot be told: then they are
                made anew and not kept.
            produce: `produce(write)` hands batches `(rows, features)` to `write`, at least
                one, and returns small arrays by name.

        Raises:
            RunError: If the folder cannot be written.
        """
        if key is not None and self.keeps:
            name = hashlib.sha256(json.dumps([_FORMAT, key], sort_keys=True).encode()).hexdigest()
            found = _read(self._folder / name)
            if found is None:
                self._write(self._folder / name, produce)
                found = _read(self._folder / name)
            else:
                os.utime(self._folder / name / _DESCRIPTION)
            self._used.add(name)
            return found
        place = pathlib.Path(tempfile.mkdtemp(dir=self._scratch())) / "entry"
        self._write(place, produce)
        return _read(place)

    def tidy(self):
        """Removes entries that were not used lately where there are too many bytes of them."""
        if not self.keeps or not self._folder.is_dir():
            return
        entries = []
        for path in self._folder.iterdir():
            if path.name.startswith(".partial-"):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
            elif (path / _DESCRIPTION).is_file():
                size = sum(file.stat().st_size for file in path.iterdir())
                entries.append(((path / _DESCRIPTION).stat().st_mtime, size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total > _MOST_BYTES and path.name not in self._used:
                shutil.rmtree(path, ignore_errors=True)
                total -= size

    def _scratch(self):
        """A temporary folder, on the disk of the kept entries if there are any."""
        if self._temporary is None:
            where = self._folder.parent if self.keeps and self._folder.parent.is_dir() else None
            self._temporary = tempfile.TemporaryDirectory(prefix=".partial-features-", dir=where)
        return self._temporary.name

    def _write(self, place, produce):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = pathlib.Path(tempfile.mkdtemp(prefix=".partial-", dir=place.parent))
        except OSError as error:
            raise _refused(place.parent, error) from error
        try:
            with _Rows(partial / _ROWS) as rows:
                arrays = produce(rows.write)
            try:
                np.savez(partial / _ARRAYS, **{k: _plain(v) for k, v in arrays.items()})
                write_atomically(partial / _DESCRIPTION, json.dumps({"shape": rows.shape}))
                if _read(place) is None:  # A damaged one would be in the way.
                    shutil.rmtree(place, ignore_errors=True)
                os.rename(partial, place)
            except OSError as error:
                if _read(place) is None:  # Otherwise another process was quicker.
                    raise _refused(place.parent, error) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


class _Rows:
    """A file of float32 rows that grows."""

    def __init__(self, path):
        self._path, self.shape = path, (0, 0)

    def __enter__(self):
        self._file = open(self._path, "wb")
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, rows):
        rows = np.ascontiguousarray(rows, np.float32)
        try:
            self._file.write(memoryview(rows).cast("B"))
        except OSError as error:
            raise _refused(self._path.parent.parent, error) from error
        self.shape = (self.shape[0] + len(rows), rows.shape[1])


def _read(place):
    """The entry in the folder `place`, or None if there is no whole one."""
    try:
        rows, width = read_json(place / _DESCRIPTION)["shape"]
        if (place / _ROWS).stat().st_size != 4 * rows * width:
            return None
        arrays = load_arrays(place / _ARRAYS)
        if arrays is None:
            return None
        features = np.memmap(place / _ROWS, np.float32, "r", shape=(rows, width))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Entry(np.asarray(features), arrays)


def _plain(values):
    """Texts as bytes of fixed length: objects would be pickled."""
    values = np.asarray(values)
    return values.astype("S") if values.dtype == object else values


def _refused(folder, error):
    return RunError(
        "Features must be written to a folder with room for them. Received: "
        f"{folder} ({error.strerror or error}). Free some space, or choose another `output`."
    )
