"""How many images a second the augmentations change: batched against image by image.

    python benchmarks/augmentation.py
    python benchmarks/augmentation.py --size=224

Batched is `sslkeras.augmentation` on whole batches. Image by image is the usual tf.data
pipeline: tf.image's functions mapped over single images in parallel, then batched. Both run
in one tf.data pipeline from memory with parallel calls chosen by tf.data and draw by seed;
each is measured `--repeats` times in turn and the best counts. tf.image changes
saturation by scaling that of HSV, sslkeras by mixing with the luma, as torchvision does, and
in one order of many; the work is comparable, the pictures are not equal.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402
from absl import app, flags  # noqa: E402

from sslkeras import augmentation  # noqa: E402

flags.DEFINE_integer("size", 32, "Side of the raw and of the changed images in pixels.")
flags.DEFINE_integer("batch_size", 128, "Images in a batch.")
flags.DEFINE_float("seconds", 2.0, "Length of each measurement.")
flags.DEFINE_integer("repeats", 3, "Measurements of each.")
FLAGS = flags.FLAGS


def batched():
    """Name to a function of a batch and a seed."""

    def crop(images, seed):
        return augmentation.random_resized_crop(images, seed, FLAGS.size, area=(0.2, 1.0))

    def jitter(images, seed):
        return augmentation.colour_jitter(images, seed, hue=0.1, probability=0.8)

    steps = {
        "random resized crop": crop,
        "horizontal flip": augmentation.random_horizontal_flip,
        "colour jitter": jitter,
        "grayscale": augmentation.random_grayscale,
    }
    return {**steps, "all four": chained(steps.values())}


def single():
    """Name to a function of an image and a seed, of tf.image."""

    def crop(image, seed):
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros([0, 0, 4]),
            seed,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.2, 1.0),
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        resized = tf.image.resize(
            tf.slice(image, begin, size), (FLAGS.size, FLAGS.size), antialias=True
        )
        return tf.ensure_shape(resized, [FLAGS.size, FLAGS.size, 3])

    def jitter(image, seed):
        seeds = tf.unstack(tf.random.split(seed, 5))

        def jittered():
            changed = tf.image.stateless_random_brightness(image, 0.4, seeds[0])
            changed = tf.image.stateless_random_contrast(changed, 0.6, 1.4, seeds[1])
            changed = tf.image.stateless_random_saturation(changed, 0.6, 1.4, seeds[2])
            changed = tf.image.stateless_random_hue(changed, 0.1, seeds[3])
            return tf.clip_by_value(changed, 0.0, 1.0)

        return tf.cond(tf.random.stateless_uniform([], seeds[4]) < 0.8, jittered, lambda: image)

    def gray(image, seed):
        return tf.cond(
            tf.random.stateless_uniform([], seed) < 0.2,
            lambda: tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image)),
            lambda: image,
        )

    steps = {
        "random resized crop": crop,
        "horizontal flip": tf.image.stateless_random_flip_left_right,
        "colour jitter": jitter,
        "grayscale": gray,
    }
    return {**steps, "all four": chained(steps.values())}


def chained(steps):
    """All `steps` one after another, each with a seed of its own."""
    steps = list(steps)

    def run(images, seed):
        for step, one in zip(steps, tf.unstack(tf.random.split(seed, len(steps)))):
            images = step(images, one)
        return images

    return run


def images_a_second(batches):
    """Steady rate of a dataset of batches."""
    iterator = iter(batches)
    for _ in range(3):
        next(iterator)
    started, done = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < FLAGS.seconds:
        next(iterator)
        done += FLAGS.batch_size
    return done / took


def pipelines(on_batch, on_image):
    """The same images through both."""
    images = tf.random.stateless_uniform([4 * FLAGS.batch_size, FLAGS.size, FLAGS.size, 3], [0, 1])
    source = tf.data.Dataset.from_tensor_slices(images).cache().repeat()
    seeds = tf.data.Dataset.counter().map(lambda n: tf.stack([0, tf.cast(n, tf.int32)]))
    whole = tf.data.Dataset.from_tensors(images[: FLAGS.batch_size]).cache().repeat()
    whole = tf.data.Dataset.zip((whole, seeds)).map(on_batch, num_parallel_calls=tf.data.AUTOTUNE)
    apart = tf.data.Dataset.zip((source, seeds)).map(on_image, num_parallel_calls=tf.data.AUTOTUNE)
    return whole.prefetch(2), apart.batch(FLAGS.batch_size, drop_remainder=True).prefetch(2)


def main(_):
    print(f"{'images/s, ' + str(FLAGS.size) + ' px':<24}{'batched':>9}{'single':>9}{'ratio':>8}")
    on_batch, on_image = batched(), single()
    for name in on_batch:
        contenders = pipelines(on_batch[name], on_image[name])
        rates = [0.0, 0.0]
        for _ in range(FLAGS.repeats):
            for i, batches in enumerate(contenders):
                rates[i] = max(rates[i], images_a_second(batches))
        print(f"{name:<24}{rates[0]:>9.0f}{rates[1]:>9.0f}{rates[0] / rates[1]:>8.1f}", flush=True)


if __name__ == "__main__":
    app.run(main)
