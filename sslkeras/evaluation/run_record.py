"""What a run folder says of itself, read without rebuilding the run or importing TensorFlow."""

import dataclasses
import pathlib

from sslkeras.errors import ConfigurationError, RunError
from sslkeras.evaluation import result
from sslkeras.notation import Named, suggest
from sslkeras.training.history import read_history
from sslkeras.training.run_folder import RunFolder

# A metric whose name holds one of these is better when it is smaller.
_BETTER_SMALLER = ("loss", "error", "perplexity", "distance", "median rank", "epe", "leakage")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One run's configuration, history and results.

    Attributes:
        folder: The run folder.
        name: What the run is called among those it is read with.
        config: What run.json says.
        history: One dict an epoch.
        evaluation: What evaluation.json says; empty results if there is none.
        seconds: Seconds of training over all starts.
    """

    folder: pathlib.Path
    name: str
    config: dict
    history: list
    evaluation: dict
    seconds: float

    @classmethod
    def read(cls, folder):
        """Reads a run folder.

        Raises:
            RunError: If it holds no run, or a file in it cannot be read.
        """
        run = RunFolder(folder)
        return cls(
            folder=run.path,
            name=run.path.resolve().name,
            config=run.config(),
            history=read_history(run.history) if run.history.is_file() else [],
            evaluation=result.read(run.path / result.FILE_NAME),
            seconds=sum(entry.get("seconds", 0.0) for entry in run.timing()),
        )

    def notation(self, part) -> str:
        """The task, dataset or encoder as `name(key=value)`, or its class."""
        described = self.config[part]
        if "name" not in described:
            return described.get("class", "?")
        return str(Named(described["name"], (), described.get("arguments", {})))

    def pictures(self) -> list:
        """The PNG and GIF files of the run, sorted by name."""
        folder = self.folder / "pictures"
        return sorted(path for path in folder.glob("*") if path.suffix in (".png", ".gif"))

    def probe_pictures(self) -> dict:
        """`(protocol, name, contender)` to `(path, caption)` of what the probes drew."""
        found = {}
        for probe in self.evaluation["probes"]:
            for picture in probe.get("pictures", []):
                path = self.folder / picture["file"]
                if path.is_file():
                    key = probe["protocol"], picture["name"], picture["contender"]
                    found[key] = path, picture["caption"]
        return found

    def results(self) -> dict:
        """`(protocol, metric)` to contender to `{"mean", "deviation", "values"}`."""
        found = {}
        for name, value in self.evaluation["surrogate"].items():
            figures = {"mean": value, "deviation": None, "values": [value]}
            found["surrogate task", name] = {"pretrained": figures}
        for probe in self.evaluation["probes"]:
            for contender, entry in probe["contenders"].items():
                for metric, figures in entry["metrics"].items():
                    found.setdefault((probe["protocol"], metric), {})[contender] = figures
        return found

    def gains(self) -> dict:
        """`(protocol, metric)` to pretrained minus random init, where that means something."""
        return {
            (probe["protocol"], metric): gain
            for probe in self.evaluation["probes"]
            for metric, gain in probe.get("gain", {}).items()
            if gain is not None
        }


def read_all(folders) -> list[RunRecord]:
    """The records of several run folders, each named by the end of its path that no other one has.

    Raises:
        ConfigurationError: If no folder is given.
        RunError: If one of them holds no run.
    """
    if not folders:
        raise ConfigurationError(
            "At least one run folder must be given. Received: none. Name the folders that "
            "`sslkeras train --output` wrote."
        )
    records = [RunRecord.read(folder) for folder in folders]
    names = _distinct_names([record.folder.resolve().parts for record in records])
    return [dataclasses.replace(record, name=name) for record, name in zip(records, names)]


def _distinct_names(paths):
    """As many last parts of each path as tell it from the others: "a/seed0" beside "b/seed0"."""
    names = []
    for path in paths:
        others = [other for other in paths if other != path]
        length = next(
            (n for n in range(1, len(path)) if all(o[-n:] != path[-n:] for o in others)), len(path)
        )
        names.append("/".join(path[-length:]))
    return names


def better_smaller(metric: str) -> bool:
    """Whether less of a metric is better."""
    return any(word in metric.lower() for word in _BETTER_SMALLER)


def find_metric(records, wanted=None) -> tuple:
    """The `(protocol, metric)` that `wanted` means, e.g. "linear top-1" or "top-1".

    Args:
        records: The runs.
        wanted: Words that begin the protocol or the metric; None for the first metric of a
            probe that all runs have.

    Raises:
        RunError: If the runs share no result.
        ConfigurationError: If none of their metrics is meant.
    """
    shared = None
    for record in records:
        keys = list(record.results())
        shared = keys if shared is None else [key for key in shared if key in keys]
    if not shared:
        raise RunError(
            "Runs are compared by a metric that all of them have. Received: "
            f"{', '.join(record.name for record in records)}, which share none. Run "
            "`sslkeras evaluate` on each with the same probes."
        )
    if wanted is None:
        return next((key for key in shared if key[0] != "surrogate task"), shared[0])
    for protocol, metric in shared:
        bare = protocol.partition("(")[0]
        if wanted in (f"{protocol} {metric}", f"{bare} {metric}", metric):
            return protocol, metric
    names = [f"{protocol} {metric}" for protocol, metric in shared]
    raise ConfigurationError(
        f"`metric` must be one that all runs have. Received: {wanted!r}.{suggest(wanted, names)} "
        f"They share: {'; '.join(names)}."
    )
