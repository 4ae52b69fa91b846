"""Global images a second with several local worker processes, and what they spend talking.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --workers=1 --workers=2 --batch=256 --size=32

Each worker is a process of its own with `--strategy=multi_worker` on loopback; the global
batch is `--batch` times the number of workers. Measured in each: the training step as
`sslkeras train` runs it, on data that lies in memory, and then the bare all-reduce of tensors
of the gradients' shapes. Their quotient is the share of communication (an upper bound, as
TensorFlow may overlap the two).

All processes share the cores and the memory of one machine, so the rate of several workers
cannot be their number times the rate of one: what this shows is the cost of talking.
"""

import json
import os
import socket
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging  # noqa: E402

flags.DEFINE_multi_integer("workers", [1, 2], "Numbers of processes to try.")
flags.DEFINE_integer("batch", 64, "Images a step and worker.", lower_bound=1)
flags.DEFINE_integer("size", 32, "Height and width of an image.", lower_bound=8)
flags.DEFINE_integer("steps", 20, "Steps in one measurement.", lower_bound=1)
flags.DEFINE_integer("repeats", 5, "Measurements, of which the median counts.", lower_bound=1)
flags.DEFINE_integer("timeout", 300, "Seconds until a hanging cluster is given up.")
flags.DEFINE_bool("measure", False, "Be one of the workers; used by the command itself.")
FLAGS = flags.FLAGS


def measure():
    """What one worker process does; the chief prints its figures as JSON."""
    import keras
    import numpy as np
    import tensorflow as tf

    from sslkeras.training.strategies import create_strategy, is_chief
    from sslkeras.training.surrogate_model import as_surrogate_model

    strategy = create_strategy("multi_worker")
    shape = (FLAGS.size, FLAGS.size, 3)
    with strategy.scope():
        image = keras.Input(shape)
        hidden = image
        for filters in (32, 64, 128):
            hidden = keras.layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(hidden)
        hidden = keras.layers.Dense(256, activation="relu")(keras.layers.Flatten()(hidden))
        model = as_surrogate_model(keras.Model(image, keras.layers.Dense(10)(hidden)))
        model.compile("sgd", loss=keras.losses.MeanSquaredError())

    def data(context):
        random = np.random.RandomState(context.input_pipeline_id)
        batch = (
            random.rand(FLAGS.batch, *shape).astype(np.float32),
            random.rand(FLAGS.batch, 10).astype(np.float32),
        )
        return tf.data.Dataset.from_tensors(batch).repeat()

    iterator = iter(strategy.distribute_datasets_from_function(data))
    gradients = [tf.zeros(variable.shape) for variable in model.trainable_variables]

    @tf.function
    def talk():
        def one():
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)

        for _ in tf.range(FLAGS.steps):
            strategy.run(one)

    step = model.make_train_function()

    def median(call):
        call()
        seconds = []
        for _ in range(FLAGS.repeats):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        return float(np.median(seconds)) / FLAGS.steps

    model.run_in_next_call(FLAGS.steps)
    found = {
        "step": median(lambda: step(iterator)),
        "talk": median(talk),
        "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables)),
    }
    if is_chief(strategy):
        print(json.dumps(found), flush=True)


def cluster_of(count):
    """Starts `count` workers and returns the chief's figures."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    hosts = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    processes = []
    try:
        for index in range(count):
            place = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            processes.append(
                subprocess.Popen(
                    [sys.executable, *sys.argv, "--measure"],
                    env={**os.environ, "TF_CONFIG": json.dumps(place)},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        printed = [process.communicate(timeout=FLAGS.timeout)[0] for process in processes]
        if any(process.returncode for process in processes):
            sys.exit(f"A worker failed: {[process.returncode for process in processes]}")
        return json.loads(printed[0].splitlines()[-1])
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()


def main(_):
    logging.set_verbosity(logging.WARNING)
    if FLAGS.measure:
        measure()
        return
    rows = [(count, cluster_of(count)) for count in FLAGS.workers]
    print(
        f"A convolutional model of {rows[0][1]['parameters']} parameters, {FLAGS.batch} images of "
        f"{FLAGS.size} x {FLAGS.size} a step and worker, {os.cpu_count()} cores shared by all."
    )
    print()
    print("| Workers | Images/s, all | ms a step | ms a bare all-reduce | Share talking |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for count, found in rows:
        # One worker talks to nobody; what is measured there is the cost of asking.
        print(
            f"| {count} | {count * FLAGS.batch / found['step']:.0f} | {1000 * found['step']:.1f} "
            f"| {1000 * found['talk']:.2f} | {min(1.0, found['talk'] / found['step']):.0%} |"
        )


if __name__ == "__main__":
    app.run(main)
