"""sslkeras evaluate: judges a run's encoder beside random initialisation and raw input.

    sslkeras evaluate --run=runs/first
    sslkeras evaluate --run=runs/first --probes='linear(labels=30)' --probes='knn(k=20)'
    sslkeras evaluate --run=runs/first --run=runs/second --report --report_file=both.html

Prints a table and writes evaluation.json into the run folder; with --report also
report.html, one page with configuration, curves, tables and pictures, and report.csv. Several
runs are judged one after the other, and stand side by side on one page.
"""

import pathlib

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import RUNS, given_runs
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, ListOf, Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    RUNS,
    Setting(
        "probes",
        None,
        Optional(ListOf(Text("a probe's name or name(key=value)"))),
        "Protocols that judge the encoder. None: those of the run.",
    ),
    Setting(
        "dataset",
        None,
        Optional(Text("a dataset's name or name(key=value)")),
        "Dataset to judge on. None: that of the run.",
    ),
    Setting(
        "encoder",
        None,
        Optional(Text("the name of one of the run's encoders")),
        "Which encoder to judge, where a task trains several. None: the main one.",
    ),
    Setting(
        "seeds",
        1,
        Integer(1),
        "Number of random initialisations that the pretrained encoder is compared with.",
    ),
    Setting(
        "pooling",
        "mean",
        Text("mean, max, flatten or grid:k"),
        "How a map of features becomes a vector; grid:k is the mean in k x k cells.",
    ),
    Setting(
        "strategy",
        "default",
        Text("a strategy's name(key=value)"),
        "tf.distribute strategy that extracts the features: default, one_device, "
        "mirrored(devices=2).",
    ),
    Setting(
        "keep_features",
        True,
        Boolean(),
        "Keep the features in the run folder, where the next evaluation finds them as long as "
        "weights and data are the same.",
    ),
    Setting(
        "report",
        False,
        Boolean(),
        "Write a page with configuration, curves, tables and pictures, and its figures as CSV.",
    ),
    Setting(
        "report_file",
        None,
        Optional(Text("an HTML file")),
        "Where to write the page; the CSV file lies beside it. None: report.html in the run "
        "folder. Must be given with --report of several runs.",
    ),
)


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    runs = given_runs()
    values = flags.FLAGS
    page = _page(runs, values)
    from sslkeras.evaluation.evaluate import evaluate

    for run in runs:
        if len(runs) > 1:
            print(f"Run {run}\n")
        result = evaluate(
            run,
            probes=values.probes,
            dataset=values.dataset,
            encoder=values.encoder,
            seeds=values.seeds,
            pooling=values.pooling,
            strategy=values.strategy,
            keep_features=values.keep_features,
        )
        print(f"{result}\n")
    if page is not None:
        from sslkeras.evaluation.report_page import write_report

        print(f"Report: {write_report(runs, page)}")


def _page(runs, values):
    """Where the report goes, or None."""
    if not values.report:
        if values.report_file:
            raise ConfigurationError(
                "--report_file goes with --report. Received: --report_file="
                f"{values.report_file} alone. Give --report as well, or leave it out."
            )
        return None
    if values.report_file:
        return values.report_file
    if len(runs) > 1:
        raise ConfigurationError(
            "The report of several runs must have a place. Received: --report without "
            "--report_file. Give an HTML file as --report_file=FILE."
        )
    return pathlib.Path(runs[0], "report.html")
