"""How many examples a second a pretext alone makes: batched against example by example.

    python benchmarks/pretext.py
    python benchmarks/pretext.py --tasks='denoising_autoencoder;image_restoration'

Examples are noise in the sizes that the tasks read. Batched is how sslkeras runs it: one call
of `pretext` for a whole batch. Example by example is the usual tf.data pipeline: the same
`pretext` mapped over single examples in parallel, then batched. Both run in one tf.data
pipeline from memory with parallel calls chosen by tf.data; each is measured `--repeats` times
in turn and the best counts.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import app, flags  # noqa: E402

import sslkeras  # noqa: E402

flags.DEFINE_string(
    "tasks",
    "denoising_autoencoder;denoising_autoencoder(corruption='gaussian');"
    "image_restoration(corruption='dirt');image_restoration(corruption='rain', patch_size=32);"
    "relative_position(patch_size=16, gap=8, jitter=3, min_pixels=None, max_pixels=None);"
    "jigsaw(short_side=None, window=63, cell=21, tile=16);"
    "shuffle_and_learn(positive_span=8, negative_margin=2, image_size=64);"
    "odd_one_out(image_size=64);"
    "sequence_sorting(patch_size=56, region_margin=8, spatial_jitter=2, frame_interval=4);"
    "arrow_of_time(num_flow=12, crop_size=56);"
    "moco(image_size=64, augmentation='v2')",
    "Tasks that read images or clips, separated by semicolons.",
)
flags.DEFINE_integer("size", 64, "Side of the images and frames in pixels.")
flags.DEFINE_integer("num_frames", 16, "Frames of a clip.")
flags.DEFINE_integer("batch_size", 64, "Examples in a batch.")
flags.DEFINE_float("seconds", 3.0, "Length of each measurement.")
flags.DEFINE_integer("repeats", 3, "Measurements of each.")
FLAGS = flags.FLAGS


def examples_a_second(batches):
    """Steady rate of a dataset of batches."""
    iterator = iter(batches)
    for _ in range(3):
        next(iterator)
    started, done = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < FLAGS.seconds:
        next(iterator)
        done += FLAGS.batch_size
    return done / took


def noise(task):
    """Features that the task reads, for a few batches: 256 images, or 64 clips."""
    random, arrays = np.random.default_rng(0), {}
    clips = any(least is not None and len(least) > 3 for least in task.reads.values())
    for name, least in task.reads.items():
        # Flow has a field between each two frames, and two channels.
        time = (FLAGS.num_frames - (least[0] < task.reads["video"][0]),) if clips else ()
        shape = (*time, FLAGS.size, FLAGS.size, 2 if least[-1] == 2 else 3)
        arrays[name] = random.random((64 if clips else 256, *shape), np.float32)
    return arrays


def pipelines(task):
    """The same pretext, batched and example by example."""
    source = tf.data.Dataset.from_tensor_slices(noise(task)).repeat()
    seeds = tf.data.Dataset.counter().map(lambda n: tf.stack([0, tf.cast(n, tf.int32)]))

    batched = tf.data.Dataset.zip((source.batch(FLAGS.batch_size, drop_remainder=True), seeds))
    batched = batched.map(task.pretext, num_parallel_calls=tf.data.AUTOTUNE)

    def single(example, seed):
        one = task.pretext({name: value[tf.newaxis] for name, value in example.items()}, seed)
        return tf.nest.map_structure(lambda value: value[0], one)

    apart = tf.data.Dataset.zip((source, seeds))
    apart = apart.map(single, num_parallel_calls=tf.data.AUTOTUNE).batch(
        FLAGS.batch_size, drop_remainder=True
    )
    return batched.prefetch(2), apart.prefetch(2)


def main(_):
    title = f"examples/s, {FLAGS.size} px"
    print(f"{title:<86}{'batched':>9}{'single':>9}{'ratio':>8}")
    for name in FLAGS.tasks.split(";"):
        contenders = pipelines(sslkeras.tasks.create(name))
        rates = [0.0, 0.0]
        for _ in range(FLAGS.repeats):
            for i, batches in enumerate(contenders):
                rates[i] = max(rates[i], examples_a_second(batches))
        print(f"{name:<86}{rates[0]:>9.0f}{rates[1]:>9.0f}{rates[0] / rates[1]:>8.1f}", flush=True)


if __name__ == "__main__":
    app.run(main)
