"""Ranks runs by a metric."""

from sslkeras.evaluation import run_record
from sslkeras.evaluation.table import cell, signed, table


def compare(folders, *, metric=None) -> str:
    """A table of runs, the best first.

    Args:
        folders: Run folders that `sslkeras evaluate` has judged.
        metric: By which to rank, e.g. "linear top-1"; None: the first that all runs have.

    Returns:
        The table, with the random initialisation, the raw input and the gain beside it.

    Raises:
        ConfigurationError: If no folder is given, or the metric is unknown.
        RunError: If a folder holds no run, or the runs share no metric.
    """
    records = run_record.read_all(folders)
    key = run_record.find_metric(records, metric)
    smaller = run_record.better_smaller(key[1])
    ranked = sorted(
        records,
        # A result that is not finite was written as null and comes last.
        key=lambda record: _rank(record.results()[key], smaller),
    )
    rows = []
    for place, record in enumerate(ranked, start=1):
        contenders = record.results()[key]
        gain = record.gains().get(key)
        rows.append(
            [
                f"{place}  {record.folder}",
                record.config["task"].get("name") or record.notation("task"),
                *(_cell(contenders.get(c)) for c in ("pretrained", "random init", "raw input")),
                "" if gain is None else signed(gain),
            ]
        )
    header = ["run", "task", "pretrained", "random init", "raw input", "gain"]
    better = "smaller is better" if smaller else "larger is better"
    return f"Ranked by {key[0]} {key[1]} ({better}).\n\n{table(header, rows, grouped=False)}"


def _rank(contenders, smaller):
    mean = contenders.get("pretrained", {}).get("mean")
    if mean is None:
        return float("inf")
    return mean if smaller else -mean


def _cell(figures):
    if figures is None:
        return ""
    return cell(figures["mean"], figures["deviation"], len(figures["values"]))
