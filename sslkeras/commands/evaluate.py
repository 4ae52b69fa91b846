"""sslkeras evaluate: judges a run's encoder beside random initialisation and raw input.

    sslkeras evaluate --run=runs/first
    sslkeras evaluate --run=runs/first --probes='linear(labels=30)' --probes='knn(k=20)'

Prints a table and writes evaluation.json into the run folder; with --report also
report.html, one page with configuration, curves, tables and pictures, and report.csv.
"""

import pathlib

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import RUN, given_run
from sslkeras.hyperparameters import Boolean, Integer, ListOf, Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    RUN,
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
        "Write report.html and report.csv into the run folder as well.",
    ),
)


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    run = given_run()
    from sslkeras.evaluation.evaluate import evaluate

    values = flags.FLAGS
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
    print(result)
    if values.report:
        from sslkeras.evaluation.report_page import write_report

        print(f"\nReport: {write_report([run], pathlib.Path(run, 'report.html'))}")
