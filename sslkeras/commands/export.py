"""sslkeras export: writes what a run learned as a file that other tools read.

    sslkeras export --run=runs/words --format=word2vec --output=words.txt
    sslkeras export --run=runs/words --format=word2vec_binary --output=words.bin
    sslkeras export --run=runs/first --format=saved_model --output=encoders/first
    sslkeras export --run=runs/first --format=projector --output=projector/first
    sslkeras export --run=runs/texts --format=keras --output=texts.keras

`word2vec` and `word2vec_binary` are for tasks with word vectors. `saved_model` is a folder for
TensorFlow Serving and `tf.saved_model.load`, without sslkeras. `keras` is a file for
`sslkeras.load_encoder(FILE)`. Of runs on texts both take raw strings,
unless --tokens is given. `projector` is a folder that
`tensorboard --logdir=FOLDER` opens: the features of a split as points in space, with their
labels and pictures, or the vectors of words.
"""

import pathlib

from absl import flags, logging

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.run_flag import RUN, given_run
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Text
from sslkeras.training.settings import Setting

FORMATS = ("saved_model", "keras", "word2vec", "word2vec_binary", "projector")
# Flags that some formats have no use for.
_FOR = {
    "encoder": ("saved_model", "keras", "projector"),
    "tokens": ("saved_model", "keras"),
    "split": ("projector",),
    "pooling": ("projector",),
    "points": ("projector",),
}
FLAGS = (
    RUN,
    Setting("format", "saved_model", Choice(*FORMATS), "What to write."),
    Setting(
        "output",
        None,
        Optional(Text("a file, or a folder for saved_model and projector")),
        "Where to write it; must be given.",
    ),
    Setting(
        "encoder",
        None,
        Optional(Text("the name of one of the run's encoders")),
        "Which encoder to write, or to take features from. None: the main one.",
    ),
    Setting(
        "tokens",
        False,
        Boolean(),
        "Of a run on texts: take ids of tokens as in training, and no raw strings.",
    ),
    Setting("split", "test", Choice("test", "train"), "Whose features: projector only."),
    Setting(
        "pooling",
        "mean",
        Text("mean, max, flatten or grid:k"),
        "How a map of features becomes a vector: projector only.",
    ),
    Setting(
        "points",
        10_000,
        Integer(1, 100_000),
        "Examples at most, drawn at random, or most frequent words: projector only.",
    ),
)


def main(rest):
    refuse_positional(rest, "--run=FOLDER")
    values = flags.FLAGS
    folder = given_run()
    if not values.output:
        raise ConfigurationError(
            "The place to write to must be given. Received: no --output. Give a path as "
            "--output=PATH."
        )
    path = pathlib.Path(values.output)
    if path.exists():
        raise ConfigurationError(
            "--output must be a new path, so that nothing is overwritten. Received: "
            f"{str(path)!r}, which exists. Give another one."
        )
    for name, formats in _FOR.items():
        if values[name].present and values.format not in formats:
            raise ConfigurationError(
                f"--{name} goes with --format={' or '.join(formats)} only. Received: "
                f"--format={values.format}. Leave --{name} out."
            )
    if values.format == "keras" and path.suffix != ".keras":
        raise ConfigurationError(
            f"--output must end in .keras for --format=keras. Received: {values.output!r}. Give "
            f"{values.output + '.keras'!r}."
        )
    if values.format in ("saved_model", "keras"):
        import keras

        from sslkeras.training.run import load_encoder
        from sslkeras.training.run_folder import RunFolder

        kept = RunFolder(folder)
        kept.config()  # Says that it holds no run, where it does not.
        on_texts = kept.has_tokenizer()
        if values.tokens and not on_texts:
            raise ConfigurationError(
                "--tokens goes with a run on texts only. Received: a run without tokenizer.json, "
                f"{folder}. Leave --tokens out."
            )
        encoder = load_encoder(folder, values.encoder, texts=on_texts and not values.tokens)
        keras.utils.disable_interactive_logging()
        logging.set_verbosity(logging.WARNING)
        if values.format == "keras":
            path.parent.mkdir(parents=True, exist_ok=True)
            encoder.save(path)
        else:
            encoder.export(str(path))
    elif values.format == "projector":
        from sslkeras.evaluation.projector import export_projector

        export_projector(
            folder,
            path,
            split=values.split,
            encoder=values.encoder,
            pooling=values.pooling,
            points=values.points,
        )
    else:
        from sslkeras.text.word2vec_format import save_word_vectors
        from sslkeras.training.run import load_run

        save_word_vectors(load_run(folder), path, binary=values.format == "word2vec_binary")
    print(path)
