"""What sslkeras's trainer costs beside bare loops on the same model, in one run.

    python benchmarks/overhead.py                  # both parts
    python benchmarks/overhead.py --part=tiny      # microseconds a step of a tiny model
    python benchmarks/overhead.py --part=real      # images/s of ResNet-18 on 32 px

Tiny: the time a step takes when the model costs next to nothing, that is, the loop's own
cost: `sslkeras.pretrain`, `model.fit` as it is and with steps_per_execution=50, a
tf.function called once a step, and PyTorch and Lightning where they are installed. Real:
images/s of the training step of ResNet-18, in pretrain and in a bare tf.function. Each
contender is run `--repeats` times in turn; the best of each counts, as other work on the
machine only ever slows it down.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json  # noqa: E402
import pathlib  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import app, flags  # noqa: E402

import sslkeras  # noqa: E402
from sslkeras.datasets import ArraySplit, Given  # noqa: E402

flags.DEFINE_enum("part", "both", ["both", "tiny", "real"], "What to measure.")
flags.DEFINE_integer("steps", 4000, "Steps of the tiny model in each measurement.")
flags.DEFINE_integer("real_steps", 12, "Steps of the real model in each measurement.")
flags.DEFINE_integer("repeats", 3, "Measurements of each contender.")
flags.DEFINE_string("json", None, "Where to write the figures as JSON.")

FLAGS = flags.FLAGS
BATCH = 32


class Copy(sslkeras.Task):
    """Predicts a vector from itself: as little work as a task can be."""

    reads = {"x": (8,)}

    def pretext(self, batch, seed):
        return batch["x"], batch["x"]

    def build_model(self, inputs, encoder, data):
        x = keras.Input((8,))
        return keras.Model(x, keras.layers.Dense(8)(encoder((8,))(x)))

    def loss(self):
        return keras.losses.MeanSquaredError()


def tiny_encoder(shape):
    x = keras.Input(shape)
    return keras.Model(x, keras.layers.Dense(8, activation="relu")(x))


def tiny_data():
    x = np.random.RandomState(0).rand(BATCH * 500, 8).astype(np.float32)
    return x, Given(ArraySplit({"x": x}))


def seconds_of_pretrain(task, data, encoder, steps, warm_up, **settings):
    """Seconds of the last `steps` steps: the first ones trace and find the pace."""

    class Stopwatch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self._supports_tf_logs = True
            self.done = 0
            self.marks = []

        def on_train_batch_begin(self, batch, logs=None):
            self.done += self.model.steps_in_next_call()

        def on_train_batch_end(self, batch, logs=None):
            self.marks.append((self.done, time.perf_counter()))

    watch = Stopwatch()
    sslkeras.pretrain(
        task, data, encoder, steps=steps + warm_up, validate_every=0, callbacks=[watch], **settings
    )
    started = next(mark for mark in watch.marks if mark[0] >= warm_up)
    ended = watch.marks[-1]
    return (ended[1] - started[1]) / (ended[0] - started[0])


def ours():
    _, data = tiny_data()
    return seconds_of_pretrain(
        Copy(), data, tiny_encoder, FLAGS.steps, 1000, batch_size=BATCH, optimizer="sgd"
    )


def bare_fit(steps_per_execution):
    x, _ = tiny_data()
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(8)]
    )
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    batches = tf.data.Dataset.from_tensor_slices((x, x)).batch(BATCH).repeat().prefetch(2)
    model.fit(batches, steps_per_epoch=200, epochs=1, verbose=0)
    started = time.perf_counter()
    model.fit(batches, steps_per_epoch=FLAGS.steps, epochs=1, verbose=0)
    return (time.perf_counter() - started) / FLAGS.steps


def bare_function():
    x, _ = tiny_data()
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(8)]
    )
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    batches = iter(tf.data.Dataset.from_tensor_slices(x).batch(BATCH).repeat().prefetch(2))

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(batch, training=True) - batch) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    for _ in range(100):
        step(next(batches))
    started = time.perf_counter()
    for _ in range(FLAGS.steps):
        step(next(batches))
    return (time.perf_counter() - started) / FLAGS.steps


def torch_loop():
    import torch

    torch.manual_seed(0)
    x, _ = tiny_data()
    loader = torch.utils.data.DataLoader(torch.from_numpy(x), batch_size=BATCH)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    done, started = -200, None
    while done < FLAGS.steps:
        for batch in loader:
            if done == 0:
                started = time.perf_counter()
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(batch), batch).backward()
            optimizer.step()
            done += 1
            if done == FLAGS.steps:
                break
    return (time.perf_counter() - started) / FLAGS.steps


def lightning_loop():
    import logging
    import warnings

    import lightning
    import torch

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    x, _ = tiny_data()
    loader = torch.utils.data.DataLoader(torch.from_numpy(x), batch_size=BATCH)

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8)
            )

        def training_step(self, batch, _):
            if self.global_step == 200:
                self.started = time.perf_counter()
            loss = torch.nn.functional.mse_loss(self.net(batch), batch)
            # pretrain reports the loss as well.
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    module = Module()
    trainer = lightning.Trainer(
        max_steps=200 + FLAGS.steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader)
    return (time.perf_counter() - module.started) / FLAGS.steps


class Restore(Copy):
    """Predicts an image from itself with pixels left out, on a real trunk."""

    reads = {"image": (32, 32, 3)}

    def pretext(self, batch, seed):
        image = batch["image"]
        kept = tf.random.stateless_uniform(tf.shape(image), seed) > 0.25
        return image * tf.cast(kept, tf.float32), image

    def build_model(self, inputs, encoder, data):
        image = keras.Input((32, 32, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(encoder((32, 32, 3))(image))
        pixels = keras.layers.Dense(32 * 32 * 3)(pooled)
        return keras.Model(image, keras.layers.Reshape((32, 32, 3))(pixels))


def real_data():
    images = np.random.RandomState(0).randint(0, 255, (512, 32, 32, 3)).astype(np.uint8)
    return images, Given(ArraySplit({"image": images}))


def real_ours():
    _, data = real_data()
    return seconds_of_pretrain(
        Restore(),
        data,
        "resnet18(small_image_stem=True)",
        FLAGS.real_steps,
        4,
        batch_size=BATCH,
        optimizer="sgd",
        steps_per_execution=2,
    )


def real_bare():
    images, data = real_data()
    task = Restore()
    model = task.build_model(
        None, sslkeras.encoders.create("resnet18(small_image_stem=True)"), data
    )
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    batches = iter(
        tf.data.Dataset.from_tensor_slices(images)
        .repeat()
        .shuffle(512)
        .batch(BATCH)
        .map(lambda x: tf.cast(x, tf.float32) / 255, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(2)
    )

    @tf.function
    def step(image):
        kept = tf.random.uniform(tf.shape(image)) > 0.25
        with tf.GradientTape() as tape:
            restored = model(image * tf.cast(kept, tf.float32), training=True)
            loss = tf.reduce_mean((restored - image) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    for _ in range(4):
        step(next(batches))
    started = time.perf_counter()
    for _ in range(FLAGS.real_steps):
        step(next(batches))
    return (time.perf_counter() - started) / FLAGS.real_steps


def best(contenders):
    """Least seconds a step of each contender, measured in turn."""
    seconds = {}
    for _ in range(FLAGS.repeats):
        for name, measure in contenders.items():
            try:
                took = measure()
            except ImportError as error:
                seconds[name] = None
                print(f"{name} is left out: {error}")
                continue
            seconds[name] = min(took, seconds.get(name) or took)
    return {name: took for name, took in seconds.items() if took is not None}


def main(_):
    figures = {}
    if FLAGS.part in ("both", "tiny"):
        tiny = best(
            {
                "sslkeras.pretrain": ours,
                "model.fit": lambda: bare_fit(1),
                "model.fit, steps_per_execution=50": lambda: bare_fit(50),
                "tf.function a step": bare_function,
                "PyTorch": torch_loop,
                "Lightning": lightning_loop,
            }
        )
        own = tiny["sslkeras.pretrain"]
        print(f"\n{'Tiny model, batch ' + str(BATCH):<36}{'us/step':>10}{'pretrain / it':>16}")
        for name, took in tiny.items():
            print(f"{name:<36}{1e6 * took:>10.0f}{own / took:>16.2f}")
        figures["microseconds_a_step"] = {name: round(1e6 * took, 1) for name, took in tiny.items()}
    if FLAGS.part in ("both", "real"):
        real = best({"sslkeras.pretrain": real_ours, "bare TensorFlow": real_bare})
        print(f"\n{'ResNet-18, 32 px, batch ' + str(BATCH):<36}{'images/s':>10}")
        for name, took in real.items():
            print(f"{name:<36}{BATCH / took:>10.1f}")
        ratio = real["bare TensorFlow"] / real["sslkeras.pretrain"]
        print(f"pretrain / bare TensorFlow: {ratio:.3f}")
        figures["images_a_second"] = {name: round(BATCH / took, 1) for name, took in real.items()}
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
