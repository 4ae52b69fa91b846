"""Your own absl script with all flags of `sslkeras train`, declared by one call.

    python examples/absl_script.py --task=autoencoder --dataset=digits --epochs=2 --negative

`--flagfile` works as for the command. Flags of your own stand beside them.
"""

import tensorflow as tf
from absl import app
from absl import flags as absl_flags

import sslkeras
from sslkeras.commands import flags

flags.define()  # --task, --dataset, --encoder, --epochs, --output, ...
absl_flags.DEFINE_bool("negative", False, "Train on the negative of each image.")


def negative(example):
    """One raw example with its image inverted; uint8 and float images alike."""
    return {**example, "image": 1.0 - tf.image.convert_image_dtype(example["image"], tf.float32)}


def main(_):
    arguments = flags.arguments()
    if absl_flags.FLAGS.negative:
        # Any tf.data.Dataset of dicts of features may stand where a name stands.
        data = sslkeras.datasets.create(arguments["dataset"])
        train, test = (
            split.examples()
            .map(negative)
            .apply(tf.data.experimental.assert_cardinality(split.size))
            for split in (data.train, data.test)
        )
        arguments["dataset"] = sslkeras.datasets.Given(train, test)
    run = sslkeras.pretrain(**arguments)
    encoder = next(iter(run.encoders.values()))
    print(f"An encoder of {encoder.count_params()} weights, loss {run.history[-1]['loss']:.3f}")


app.run(main)
