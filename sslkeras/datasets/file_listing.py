"""Which files lie below a folder: found once, kept compactly, remembered on disk."""

import dataclasses
import functools
import hashlib
import os
import time

import numpy as np
import tensorflow as tf
from absl import logging

from sslkeras.datasets.disk_cache import cache_folder, load_arrays, save_arrays
from sslkeras.errors import DataError

_FORMAT = 1
# Names held in one string: a string each would double the memory, one for all be copied whole.
_BLOCK = 128
# A folder changed again within the clock's grain would keep its time of change.
_SETTLED_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class FileListing:
    """Files below a folder, sorted by folder and name; some 30 bytes a file in memory.

    Attributes:
        root: The folder.
        folders: Folders relative to `root`, as bytes; the root is empty.
        folder_of: int32 `(files,)`: each file's folder.
        names: uint8 `(bytes,)`: all file names without their folders, one after the other.
        ends: int64 `(files,)`: where each name ends in `names`.
    """

    root: str
    folders: tuple
    folder_of: np.ndarray
    names: np.ndarray
    ends: np.ndarray

    def __len__(self):
        return len(self.folder_of)

    def name(self, number) -> str:
        """File `number` relative to the root."""
        begin = self.ends[number - 1] if number else 0
        name = self.names[begin : self.ends[number]].tobytes()
        return os.fsdecode(os.path.join(self.folders[self.folder_of[number]], name))

    def path(self, number: tf.Tensor) -> tf.Tensor:
        """The paths of files, strings of the shape of the int64 `number`, in TensorFlow."""
        blocks, begins, lengths, folder_of, folders = self._tensors
        name = tf.strings.substr(
            tf.gather(blocks, number // _BLOCK),
            tf.gather(begins, number),
            tf.gather(lengths, number),
        )
        return tf.strings.join([tf.gather(folders, tf.gather(folder_of, number)), name])

    @functools.cached_property
    def _tensors(self):
        """The names in strings of `_BLOCK` names each, where they lie there, and the folders."""
        root, names, ends = os.fsencode(self.root), self.names.tobytes(), self.ends
        begins = np.concatenate([[0], ends[:-1]])
        firsts = begins[::_BLOCK]
        blocks = [
            names[begin:end] for begin, end in zip(firsts, [*firsts[1:], len(names)], strict=True)
        ]
        with tf.init_scope(), tf.device("CPU:0"):
            return (
                tf.constant(blocks),
                tf.constant((begins - np.repeat(firsts, _BLOCK)[: len(self)]).astype(np.int32)),
                tf.constant((ends - begins).astype(np.int32)),
                tf.constant(self.folder_of),
                tf.constant([os.path.join(root, folder, b"") for folder in self.folders]),
            )


def list_files(root, extensions) -> FileListing:
    """The files below `root` whose names end in one of `extensions`, in any case.

    Hidden files and folders are left out; links are followed. The listing is remembered in
    `$XDG_CACHE_HOME/sslkeras` (or `~/.cache/sslkeras`) and found there as long as no folder
    has changed; where nothing can be written there, it is made anew each time.

    Raises:
        DataError: If `root` is no folder that can be listed.
    """
    root = os.path.abspath(os.path.expanduser(root))
    if not os.path.isdir(root):
        raise DataError(
            f"`path` must be a folder. Received: {root!r}, where there is none. Check the path."
        )
    cache = _cache_path(root, extensions)
    listing = _read_cache(cache, root)
    if listing is None:
        started = time.time()
        listing, changed, complete = _scan(root, extensions)
        if complete and max(changed) < (started - _SETTLED_SECONDS) * 1e9:
            _write_cache(cache, listing, changed)
    return listing


def _scan(root, extensions):
    """The listing, each folder's time of change in ns, and whether all could be read."""
    endings = tuple(os.fsencode(extension) for extension in extensions)
    base = os.fsencode(root)
    folders, changed, counts, names, lengths = [], [], [], [], []
    seen, complete = set(), True
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            # Before the listing: a change during it makes the remembered time too old.
            status = os.stat(os.path.join(base, folder))
            if (status.st_dev, status.st_ino) in seen:
                continue  # A link in a circle.
            seen.add((status.st_dev, status.st_ino))
            found, below = _scan_folder(os.path.join(base, folder), endings)
        except OSError as error:
            if not folder:
                raise DataError(
                    f"`path` must be a folder that can be listed. Received: {root!r} ({error}). "
                    "Check its permissions."
                ) from error
            logging.warning("Left out a folder that cannot be listed: %s", error)
            complete = False
            continue
        folders.append(folder)
        changed.append(status.st_mtime_ns)
        counts.append(len(found))
        names.append(b"".join(found))
        lengths.extend(map(len, found))
        waiting.extend(os.path.join(folder, name) for name in reversed(below))
    listing = FileListing(
        root,
        tuple(folders),
        np.repeat(np.arange(len(folders), dtype=np.int32), counts),
        np.frombuffer(b"".join(names), np.uint8),
        np.cumsum(np.array(lengths, np.int64)),
    )
    return listing, changed, complete


def _scan_folder(path, endings):
    """The names of files and of folders in one folder, each sorted."""
    files, folders = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(b"."):
                continue
            if name[-5:].lower().endswith(endings) and entry.is_file():
                files.append(name)
            elif entry.is_dir():
                folders.append(name)
    return sorted(files), sorted(folders)


def _cache_path(root, extensions):
    what = repr((_FORMAT, os.fsencode(root), tuple(extensions)))
    return cache_folder("listings", hashlib.sha256(what.encode()).hexdigest()[:32] + ".npz")


def _read_cache(path, root):
    """The remembered listing, or None if there is none or a folder has changed."""
    arrays = load_arrays(path)
    if arrays is None:
        return None
    try:
        folders = tuple(arrays["folders"].tobytes().split(b"\0"))
        changed = arrays["changed"].tolist()
        base = os.fsencode(root)
        if len(folders) != len(changed) or any(
            os.stat(os.path.join(base, folder)).st_mtime_ns != then
            for folder, then in zip(folders, changed, strict=True)
        ):
            return None
        listing = FileListing(root, folders, arrays["folder_of"], arrays["names"], arrays["ends"])
    except (OSError, KeyError):
        return None
    sound = len(listing.ends) == len(listing) and (
        not len(listing) or listing.ends[-1] == len(listing.names)
    )
    return listing if sound else None


def _write_cache(path, listing, changed):
    arrays = {
        "folders": np.frombuffer(b"\0".join(listing.folders), np.uint8),
        "changed": np.array(changed, np.int64),
        "folder_of": listing.folder_of,
        "names": listing.names,
        "ends": listing.ends,
    }
    save_arrays(path, arrays)
