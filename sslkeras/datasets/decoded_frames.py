"""Frames of videos that are decoded once, and read from the disk from then on."""

import hashlib
import os
import tempfile
import threading

import numpy as np
from absl import logging

from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.disk_cache import cache_folder
from sslkeras.datasets.video_files import read_frames

_FORMAT = 1


class DecodedFrames:
    """All frames of each video that is read, at one size, in the user's cache folder.

    The first read of a video decodes the whole of it; several threads may read. A video of
    which some frame is damaged, or that the disk has no room for, is decoded each time.

    Args:
        size: (height, width) in pixels.
        channels: 1 or 3.
    """

    def __init__(self, size, channels):
        self._size, self._channels = tuple(size), channels
        self._frames, self._locks, self._lock = {}, {}, threading.Lock()

    def read(self, video, numbers):
        """What `read_frames` gives for a `Video` and increasing numbers of frames.

        Raises:
            UnreadableFileError: If one of them cannot be decoded.
        """
        with self._lock:
            lock = self._locks.setdefault(video.path, threading.Lock())
        with lock:
            if video.path not in self._frames:
                self._frames[video.path] = self._opened(video)
        frames = self._frames[video.path]
        if frames is None:
            return read_frames(video, numbers, self._size, self._channels)
        return frames[np.asarray(numbers)]

    def _opened(self, video):
        """The frames as an array on the disk, or None."""
        try:
            path = self._path(video)
            if not path.exists():
                self._write(video, path)
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, UnreadableFileError) as error:
            logging.info("The decoded frames of %s are not kept: %s", video.path, error)
            return None

    def _path(self, video):
        # An absolute path, as the folder may be given relative to another place next time.
        files = [os.path.abspath(path) for path in video.frames or (video.path,)]
        states = [(os.fsencode(path), os.stat(path)) for path in files]
        states = [(path, state.st_mtime_ns, state.st_size) for path, state in states]
        key = repr((_FORMAT, self._size, self._channels, states)).encode()
        return cache_folder("frames", f"{hashlib.sha256(key).hexdigest()[:32]}.npy")

    def _write(self, video, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under a name of its own first: another process may write the same file.
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            os.close(handle)
            shape = (video.num_frames, *self._size, self._channels)
            frames = np.lib.format.open_memmap(name, "w+", np.uint8, shape)
            _take_room(name)
            read_frames(video, range(shape[0]), self._size, self._channels, out=frames)
            frames.flush()
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def _take_room(path):
    """Takes all the bytes of a file on the disk, as a write into a map without them is fatal.

    Raises:
        OSError: If there are not so many.
    """
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))
