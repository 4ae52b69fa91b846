"""Arrays that are remembered in the user's cache folder."""

import os
import pathlib
import tempfile
import zipfile

import numpy as np
from absl import logging


def cache_folder(*parts) -> pathlib.Path:
    """The folder `parts` below `$XDG_CACHE_HOME/sslkeras`, or below `~/.cache/sslkeras`."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(home, "sslkeras", *parts)


def load_arrays(path) -> dict | None:
    """What `save_arrays` wrote, or None if there is no whole file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def save_arrays(path, arrays):
    """Writes NumPy arrays by name at once; where that is not possible, a note is all there is."""
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under a name of its own first: another process may write the same file.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                np.savez(file, **arrays)
                file.close()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        logging.info("%s is not remembered: %s", path, error)
