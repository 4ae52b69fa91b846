"""sslkeras evaluate: judges a run's encoder beside random initialisation and raw input.

    sslkeras evaluate --run=runs/first
    sslkeras evaluate --run=runs/first --probes='linear(labels=30)' --probes='knn(k=20)'

Prints a table and writes evaluation.json into the run folder.
"""

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import define_run_flag, given_run


def define_flags():
    define_run_flag()
    flags.DEFINE_multi_string(
        "probes", None, "Protocols, as name or name(key=value); None: those of the run's task."
    )
    flags.DEFINE_string("dataset", None, "Judge on another dataset; None: the run's.")
    flags.DEFINE_string("encoder", None, "Which of the run's encoders; None: the main one.")
    flags.DEFINE_integer("seeds", 1, "Repetitions with other subsets and random encoders, >= 1.")
    return ["run", "probes", "dataset", "encoder", "seeds"]


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    from sslkeras.evaluation.evaluate import evaluate

    values = flags.FLAGS
    result = evaluate(
        given_run(),
        probes=values.probes,
        dataset=values.dataset,
        encoder=values.encoder,
        seeds=values.seeds,
    )
    print(result)
