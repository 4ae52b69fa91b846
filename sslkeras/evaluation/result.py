"""What an evaluation found, and how it is kept."""

import dataclasses
import json
import math
import pathlib
import statistics

from sslkeras.errors import RunError
from sslkeras.evaluation.table import cell, signed, table
from sslkeras.training.files import read_json, write_atomically

FILE_NAME = "evaluation.json"
_VERSION = 1


@dataclasses.dataclass
class ProbeResult:
    """One probe on one dataset, for each contender.

    Attributes:
        protocol: The probe as `name(key=value)`, only what differs from its defaults.
        config: All arguments of the probe.
        dataset: The dataset's description.
        encoder: Name of the encoder that was judged.
        pooling: How maps became vectors.
        epoch: Epochs that the run had been trained for.
        train_size: Examples in the train split.
        test_size: Examples in the test split.
        runs: Contender to a list with one dict of metrics a seed (0, 1, ...).
        feature_dimensions: Contender to the number of features.
        has_gain: Whether the difference of two contenders means anything.
        pictures: A dict each: "contender", "name", "file" (in the folder of the results) and
            "caption".
    """

    protocol: str
    config: dict
    dataset: str
    encoder: str
    pooling: str
    epoch: int
    train_size: int
    test_size: int
    runs: dict
    feature_dimensions: dict
    has_gain: bool = True
    pictures: list = dataclasses.field(default_factory=list)

    def metrics(self, contender="pretrained") -> dict:
        """Metric to its mean over seeds."""
        return {name: mean for name, (mean, _, _) in self.summary(contender).items()}

    def summary(self, contender) -> dict:
        """Metric to (mean, sample standard deviation or None, number of seeds)."""
        runs = self.runs.get(contender, [])
        result = {}
        for name in dict.fromkeys(name for run in runs for name in run):
            values = [run[name] for run in runs if name in run]
            deviation = statistics.stdev(values) if len(values) > 1 else None
            result[name] = (statistics.fmean(values), deviation, len(values))
        return result

    def gain(self) -> dict:
        """Metric to pretrained minus random init, where both have it."""
        if not self.has_gain:
            return {}
        ours, random = self.metrics("pretrained"), self.metrics("random init")
        return {name: ours[name] - random[name] for name in ours if name in random}

    @property
    def key(self):
        """What tells one entry of the file from another."""
        return self.protocol, self.dataset, self.encoder, self.pooling, self.epoch

    def to_json(self) -> dict:
        contenders = {}
        for contender, runs in self.runs.items():
            contenders[contender] = {
                "feature_dimension": self.feature_dimensions[contender],
                "seeds": list(range(len(runs))),
                "metrics": {
                    name: {
                        "mean": _finite(mean),
                        "deviation": _finite(deviation),
                        "values": [_finite(run[name]) for run in runs if name in run],
                    }
                    for name, (mean, deviation, _) in self.summary(contender).items()
                },
            }
        described = dataclasses.asdict(self)
        for name in ("runs", "feature_dimensions", "has_gain"):
            del described[name]
        return {
            **described,
            "contenders": contenders,
            "gain": {name: _finite(value) for name, value in self.gain().items()},
        }


@dataclasses.dataclass
class EvaluationResult:
    """Everything one call of `evaluate` found; as text it is a table.

    Attributes:
        surrogate: Held-out loss and metrics of the surrogate task.
        probes: A `ProbeResult` each.
        notes: What the reader must know, e.g. which probes were left out and why.
        path: Where it was written, or None.
    """

    surrogate: dict
    probes: list
    notes: list
    path: pathlib.Path | None = None

    def __getitem__(self, protocol) -> ProbeResult:
        """The result of a probe, by its protocol (`knn(k=20)`) or its bare name (`knn`)."""
        for probe in self.probes:
            if protocol in (probe.protocol, probe.protocol.partition("(")[0]):
                return probe
        raise KeyError(protocol)

    def __str__(self):
        contenders = list(dict.fromkeys(name for probe in self.probes for name in probe.runs))
        contenders = contenders or ["pretrained"]
        with_gain = {"pretrained", "random init"} <= set(contenders)
        rows = [
            ["surrogate task", name, cell(_finite(value), None, 1), *[""] * (len(contenders) - 1)]
            for name, value in self.surrogate.items()
        ]
        if with_gain:
            rows = [[*row, ""] for row in rows]
        for probe in self.probes:
            summaries = {name: probe.summary(name) for name in contenders}
            gain = probe.gain()
            for metric in dict.fromkeys(m for summary in summaries.values() for m in summary):
                row = [probe.protocol, metric]
                for name in contenders:
                    row.append(cell(*summaries[name][metric]) if metric in summaries[name] else "")
                if with_gain:
                    row.append(signed(gain[metric]) if metric in gain else "")
                rows.append(row)
        header = ["protocol", "metric", *contenders, *(["gain"] if with_gain else [])]
        lines = [table(header, rows)]
        for probe in self.probes[:1]:
            lines.append(
                f"\nEncoder '{probe.encoder}' on {probe.dataset}: {probe.train_size} train and "
                f"{probe.test_size} test examples; features: "
                + ", ".join(f"{n} {name}" for name, n in probe.feature_dimensions.items())
                + "."
            )
            if with_gain:
                lines.append("Gain: pretrained minus random init; ±: deviation over seeds.")
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join(lines)

    def write(self, folder):
        """Merges into `evaluation.json` of `folder`: the same protocol again replaces the old.

        Raises:
            RunError: If the file there is not one of ours, or cannot be written.
        """
        path = pathlib.Path(folder) / FILE_NAME
        kept = [entry for entry in read(path)["probes"] if _key(entry) not in self._keys()]
        drawn = {picture["file"] for probe in self.probes for picture in probe.pictures}
        for entry in kept:  # A file that was drawn anew no longer shows what it did.
            older = entry.get("pictures", [])
            entry["pictures"] = [one for one in older if one["file"] not in drawn]
        content = {
            "version": _VERSION,
            "surrogate": {name: _finite(value) for name, value in self.surrogate.items()}
            or read(path)["surrogate"],
            "probes": kept + [probe.to_json() for probe in self.probes],
            "notes": self.notes,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
        except OSError as error:
            raise RunError(
                f"An evaluation must be written to a folder that can be written. Received: {path} "
                f"({error.strerror}). Choose another `output`."
            ) from error
        self.path = path

    def _keys(self):
        return {probe.key for probe in self.probes}


def _key(entry):
    return tuple(entry.get(name) for name in ("protocol", "dataset", "encoder", "pooling", "epoch"))


def read(path) -> dict:
    """The content of an `evaluation.json`; an empty one if there is no such file.

    Raises:
        RunError: If it is not one of ours.
    """
    try:
        content = read_json(path)
    except FileNotFoundError:
        return {"version": _VERSION, "surrogate": {}, "probes": [], "notes": []}
    except (OSError, ValueError) as error:
        raise RunError(
            f"{FILE_NAME} must be a file that `evaluate` wrote. Received: {path} ({error}). Move "
            "it away."
        ) from error
    probes = content.get("probes") if isinstance(content, dict) else None
    if not isinstance(probes, list) or not all(isinstance(probe, dict) for probe in probes):
        raise RunError(
            f"{FILE_NAME} must be a file that `evaluate` wrote. Received: {path} without a list "
            "of probes. Move it away."
        )
    return {"surrogate": {}, **content}


def _finite(value):
    return value if value is not None and math.isfinite(value) else None
