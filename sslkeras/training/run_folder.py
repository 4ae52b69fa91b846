"""The folder of a run: it explains itself, and the same command goes on in it.

run.json        every name and argument, the seed, the versions
checkpoints/    the newest two or more, verified
history.csv     one row an epoch
timing.json     seconds and share of waiting, one entry for each start
logs/           TensorBoard
pictures/       what `sslkeras show` drew
evaluation.json what `sslkeras evaluate` found
encoder.keras   the trained trunk (one file for each)
tokenizer.json  of runs on texts: what made their tokens
"""

import fcntl
import importlib.metadata
import json
import pathlib
import platform

from sslkeras.errors import ConfigurationError, RunError
from sslkeras.hyperparameters import check_argument
from sslkeras.training.files import read_json, write_atomically
from sslkeras.training.settings import SETTINGS, Settings

_IDENTITY = ("task", "dataset", "encoder", "settings", "init_from")


def describe(made) -> dict:
    """A task, dataset or encoder as JSON: its name and arguments, or its class.

    What came from the registry can be made again from this; an object of user code is
    only named.
    """
    arguments = json.loads(json.dumps(made.get_config(), default=_named))
    if getattr(made, "registered_name", None):
        return {"name": made.registered_name, "arguments": arguments}
    return {"class": _named(type(made)), "arguments": arguments}


def _named(value):
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}:{value.__qualname__}"
    return repr(value)


class RunFolder:
    """One run's folder on disk.

    Args:
        path: The folder. It need not exist.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._lock = None

    @property
    def checkpoints(self):
        return self.path / "checkpoints"

    @property
    def history(self):
        return self.path / "history.csv"

    @property
    def logs(self):
        return self.path / "logs"

    @property
    def pictures(self):
        return self.path / "pictures"

    def config(self) -> dict:
        """What run.json says.

        Raises:
            RunError: If there is none, or it cannot be read.
        """
        path = self.path / "run.json"
        try:
            config = read_json(path)
        except FileNotFoundError as error:
            raise RunError(
                f"A run folder must hold run.json. Received: {self.path}, which does not. Give the "
                "folder that `sslkeras train --output` wrote."
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(
                f"run.json must be readable JSON. Received: {path}: {error}. Restore it from a "
                "backup."
            ) from error
        if not isinstance(config, dict) or not all(key in config for key in _IDENTITY):
            raise RunError(
                f"run.json must name {', '.join(_IDENTITY)}. Received: {path} without them. Give "
                "the folder that `sslkeras train --output` wrote."
            )
        _check(config, path)
        return config

    def open(self, config: dict):
        """Makes the folder for a new run, or finds the same run in it.

        Args:
            config: The run: its keys include `_IDENTITY`, the values are JSON.

        Raises:
            RunError: If the folder holds another run or other files, cannot be written, or
                is in use by another process. Nothing is changed then.
        """
        config = json.loads(json.dumps(config))
        if (self.path / "run.json").exists():
            self._refuse_other_run(config)
        elif self.path.exists() and (not self.path.is_dir() or any(self._foreign())):
            found = "a file" if not self.path.is_dir() else next(iter(self._foreign())).name
            raise RunError(
                f"The output folder must be new, empty or hold the same run. Received: {self.path} "
                f"with {found}. Choose another `output`."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            if not (self.path / "run.json").exists():
                write_atomically(self.path / "run.json", json.dumps(config, indent=2) + "\n")
        except OSError as error:
            raise RunError(
                f"The output folder must be writable. Received: {self.path}: {error}. Choose "
                "another `output`, or free some space."
            ) from error

    def close(self):
        """Lets another process use the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def keep_tokenizer(self, tokenizer):
        """Writes tokenizer.json, or makes sure that it is the same.

        Args:
            tokenizer: A `sslkeras.text.Tokenizer`, or None for a run on anything but texts.

        Raises:
            RunError: If the run was trained with another one.
        """
        if tokenizer is None:
            return
        path = self.path / "tokenizer.json"
        if path.exists():
            self.check_tokenizer(tokenizer)
        else:
            write_atomically(path, tokenizer.to_json() + "\n")

    def check_tokenizer(self, tokenizer):
        """Raises `RunError` if the run was trained on other tokens than `tokenizer` makes."""
        path = self.path / "tokenizer.json"
        if tokenizer is not None and path.exists() and self.tokenizer() != tokenizer:
            raise RunError(
                "The dataset must have the vocabulary that the run was trained with. Received: "
                f"another one than that of {path}. Give the texts as they were: dataset=..."
            )

    def has_tokenizer(self) -> bool:
        """Whether the run is on texts."""
        return (self.path / "tokenizer.json").exists()

    def tokenizer(self):
        """The `sslkeras.text.Tokenizer` of a run on texts.

        Raises:
            RunError: If there is none, or it cannot be read.
        """
        from sslkeras.text.tokenizer import from_json

        path = self.path / "tokenizer.json"
        try:
            return from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ConfigurationError) as error:
            raise RunError(
                f"A run on texts must hold tokenizer.json. Received: {path} ({error}). Give the "
                "folder of such a run."
            ) from error

    def add_timing(self, entry: dict):
        """Appends one start's figures to timing.json."""
        entries = [*self.timing(), entry]
        write_atomically(self.path / "timing.json", json.dumps(entries, indent=1) + "\n")

    def timing(self) -> list[dict]:
        """The entries of timing.json, one for each start; empty if there is none."""
        try:
            return read_json(self.path / "timing.json")
        except (OSError, ValueError):
            return []

    def _foreign(self):
        """Files that are not what an interrupted first start leaves behind."""
        return (f for f in self.path.iterdir() if not f.name.startswith("."))

    def _refuse_other_run(self, config):
        there = self.config()
        # A setting that a newer version added had its default in the older one.
        defaults = Settings().defining()
        there["settings"] = {**defaults, **there["settings"]}
        config = {**config, "settings": {**defaults, **config["settings"]}}
        differences = [
            f"{key}: {have!r} there, {want!r} asked for"
            for key, have, want in _differences(there, config)
        ]
        if differences:
            raise RunError(
                f"An output folder holds one run. Received: {self.path} with another one "
                f"({'; '.join(differences[:5])}). Choose another `output`, or repeat the same "
                "command to resume."
            )

    def _take_lock(self):
        self._lock = open(self.path / ".lock", "a", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise RunError(
                f"Only one process may train in a folder. Received: {self.path}, which another "
                "process uses now. Wait for it, or choose another `output`."
            ) from error


def _check(config, path):
    """Refuses what no run of ours says: the file may come from anywhere."""

    def refuse(key, must, received):
        raise RunError(
            f"'{key}' in run.json must {must}. Received: {received!r:.200} in {path}. Restore "
            "run.json from a backup."
        )

    for key in ("task", "dataset", "encoder"):
        made = config[key]
        named = isinstance(made, dict) and (made.keys() & {"name", "class"})
        if not named or not all(isinstance(made[word], str) for word in named):
            refuse(key, "give a name", made)
    settings = config["settings"]
    if not isinstance(settings, dict):
        refuse("settings", "give each setting a value", settings)
    for setting in SETTINGS:
        if setting.name in settings:
            try:
                check_argument("the run", setting.name, settings[setting.name], setting.allowed)
            except ConfigurationError as error:
                raise RunError(
                    f"run.json must hold possible settings. {error} It is {path}."
                ) from error


def _differences(there, here, prefix="", keys=_IDENTITY):
    for key in keys:
        have, want = there.get(key), here.get(key)
        name = f"{prefix}{key}"
        if isinstance(have, dict) and isinstance(want, dict):
            yield from _differences(have, want, f"{name}.", sorted({*have, *want}))
        elif have != want:
            yield name, have, want


def versions() -> dict:
    """Versions of Python and of the packages that decide what a run does."""
    names = ("sslkeras", "tensorflow", "keras", "tensorflow-addons", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found
