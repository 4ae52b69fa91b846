"""sslkeras show: draws what a run withheld, answered and learned, as PNG files.

    sslkeras show --run=runs/first
    sslkeras show --run=runs/first --pictures=withheld --pictures=curves
"""

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import define_run_flag, given_run


def define_flags():
    define_run_flag()
    flags.DEFINE_multi_string("pictures", None, "Which pictures; None: all that the run allows.")
    flags.DEFINE_integer("examples", 8, "Examples in a picture, >= 1.")
    flags.DEFINE_integer("seed", 0, "Seed of the choice of examples, >= 0.")
    return ["run", "pictures", "examples", "seed"]


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    from sslkeras.pictures.show import show

    values = flags.FLAGS
    paths = show(
        given_run(), pictures=values.pictures, examples=values.examples, seed=values.seed
    )
    for path in paths:
        print(path)
