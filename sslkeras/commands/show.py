"""sslkeras show: draws what a run withheld, answered and learned, as PNG files.

    sslkeras show --run=runs/first
    sslkeras show --run=runs/first --pictures=withheld --pictures=curves
    sslkeras show --run=runs/words --pictures=nearest_words --words=king --words=queen
    sslkeras show --run=runs/texts --pictures=withheld --text='the [MASK] of the house'

Prints the paths of the files, which lie in pictures/ in the run folder.
"""

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import RUN, given_run
from sslkeras.hyperparameters import Integer, ListOf, Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    RUN,
    Setting(
        "pictures",
        None,
        Optional(
            ListOf(Text("withheld, curves, filters, feature_map, attention or nearest_words"))
        ),
        "What to draw. None: all that the run allows.",
    ),
    Setting("examples", 8, Integer(1), "Number of examples in a picture."),
    Setting(
        "words",
        None,
        Optional(ListOf(Text("a word"))),
        "Words whose nearest ones are shown. None: some frequent ones.",
    ),
    Setting(
        "text",
        None,
        Optional(ListOf(Text("a text with [MASK] in it"))),
        "Texts whose gaps a masked language model fills, drawn as masked_guesses.png.",
    ),
    Setting("seed", 0, Integer(0, 2**31 - 1), "Seed of the choice of examples."),
)


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    run = given_run()
    from sslkeras.pictures.show import show

    values = flags.FLAGS
    paths = show(
        run,
        pictures=values.pictures,
        examples=values.examples,
        seed=values.seed,
        words=values.words,
        texts=values.text,
    )
    for path in paths:
        print(path)
