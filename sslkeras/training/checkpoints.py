"""Checkpoints that are verified when read and fall back aloud.

Each checkpoint is a TensorFlow checkpoint plus a manifest, written last, with the size
and SHA-256 of every file and where in the run it was taken. A checkpoint without a
matching manifest does not count: the one before it is used, and that is said.
"""

import hashlib
import json
import pathlib
import re
import shutil
import tempfile

import tensorflow as tf

from sslkeras import report
from sslkeras.errors import CheckpointError
from sslkeras.training.files import read_json, write_atomically


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: Where they lie.
        keep: How many to keep, >= 2.
        write: Whether this process keeps what it writes. With several workers all must
            save together, and only the chief's files stay.
    """

    def __init__(self, folder: pathlib.Path, *, keep=2, write=True):
        self.folder, self.keep = pathlib.Path(folder), keep
        self._write = write

    def save(self, checkpoint: tf.train.Checkpoint, position: dict) -> int:
        """Writes one checkpoint and forgets the oldest beyond `keep`.

        Args:
            checkpoint: What to save.
            position: JSON-able facts on where in the run this is.

        Returns:
            The number of the checkpoint.

        Raises:
            CheckpointError: If it cannot be written. Earlier ones are untouched.
        """
        if not self._write:
            with tempfile.TemporaryDirectory() as scratch:
                checkpoint.write(str(pathlib.Path(scratch, "ckpt")))
            return -1
        numbers = self.numbers()
        number = (numbers[-1] if numbers else 0) + 1
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.write(str(self.folder / f"ckpt-{number}"))
            files = sorted(self.folder.glob(f"ckpt-{number}.[id]*"))
            manifest = {
                "position": position,
                "files": {f.name: {"bytes": f.stat().st_size, "sha256": _hash(f)} for f in files},
            }
            write_atomically(self._manifest(number), json.dumps(manifest, indent=1))
        except (OSError, tf.errors.OpError) as error:
            self._remove(number)
            kept = f"Checkpoint {numbers[-1]} is intact" if numbers else "There is none before it"
            raise CheckpointError(
                f"A checkpoint must fit on the disk under {self.folder}. Received: {error}. "
                f"{kept}; free some space and repeat the same command to go on."
            ) from error
        for old in self.numbers()[: -self.keep]:
            self._remove(old)
        return number

    def numbers(self) -> list[int]:
        """Numbers of the checkpoints that have a manifest, oldest first."""
        found = (re.fullmatch(r"ckpt-(\d+)\.json", f.name) for f in self.folder.glob("ckpt-*.json"))
        return sorted(int(match[1]) for match in found if match)

    def latest_position(self) -> dict | None:
        """The position of the newest intact checkpoint, or None if there never was one.

        Raises:
            CheckpointError: If there are checkpoints and all are damaged.
        """
        return self.latest()[1]

    def latest(self) -> tuple:
        """The number and position of the newest intact checkpoint, or `(None, None)`.

        Raises:
            CheckpointError: If there are checkpoints and all are damaged.
        """
        number = self._newest_intact()
        return number, None if number is None else self._read_manifest(number)["position"]

    def restore(self, checkpoint: tf.train.Checkpoint, *, partly=False, number=None) -> dict | None:
        """Reads the newest intact checkpoint into `checkpoint`.

        Args:
            checkpoint: What to restore.
            partly: Whether `checkpoint` may hold less than what was saved.
            number: Read this one instead, which another process found.

        Returns:
            Its position, or None if there never was a checkpoint.

        Raises:
            CheckpointError: If all are damaged, hold another model, or `number` is not there.
        """
        if number is None:
            number = self._newest_intact()
        elif (fault := self._fault(number)) is not None:
            raise CheckpointError(
                f"Every worker must see the chief's checkpoint {number}. Received: {self.folder}, "
                f"where {fault}. Put `output` on a file system that all workers share."
            )
        if number is None:
            return None
        try:
            status = checkpoint.read(str(self.folder / f"ckpt-{number}"))
            status.assert_existing_objects_matched()
            if partly:
                status.expect_partial()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise CheckpointError(
                "A checkpoint must hold the weights of the model that is restored. Received: "
                f"{self.folder / f'ckpt-{number}'}, which does not fit ({error}). Use the task, "
                "encoder and versions in the run's run.json."
            ) from error
        return self._read_manifest(number)["position"]

    def _newest_intact(self):
        numbers = self.numbers()
        for number in reversed(numbers):
            fault = self._fault(number)
            if fault is None:
                return number
            report.warn(f"Checkpoint {number} in {self.folder} is damaged ({fault}) and left out.")
        if numbers:
            raise CheckpointError(
                f"One of the checkpoints in {self.folder} must be intact. Received: "
                f"{len(numbers)}, all damaged. Restore the folder from a backup, or train anew "
                "into another output folder."
            )
        return None

    def _fault(self, number):
        """What is wrong with checkpoint `number`, or None."""
        try:
            manifest = self._read_manifest(number)
            files = manifest["files"]
            if not isinstance(manifest["position"], dict):
                return "its manifest tells no position"
            for name, facts in files.items():
                # The folder may come from anywhere: nothing outside it is read.
                if "/" in name or not name.startswith(f"ckpt-{number}."):
                    return f"its manifest names another file, {name!r}"
                path = self.folder / name
                if not path.is_file():
                    return f"{name} is missing"
                size = path.stat().st_size
                if size != facts["bytes"]:
                    return f"{name} has {size} bytes instead of {facts['bytes']}"
                if _hash(path) != facts["sha256"]:
                    return f"{name} is not what was written"
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"its manifest cannot be read: {error}"
        return None if files else "its manifest names no file"

    def _manifest(self, number):
        return self.folder / f"ckpt-{number}.json"

    def _read_manifest(self, number):
        return read_json(self._manifest(number))

    def _remove(self, number):
        # The manifest first: without it the rest is no checkpoint.
        self._manifest(number).unlink(missing_ok=True)
        for path in self.folder.glob(f"ckpt-{number}.*"):
            path.unlink(missing_ok=True)
        for path in self.folder.glob(f"ckpt-{number}_temp*"):
            shutil.rmtree(path, ignore_errors=True)


def _hash(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
