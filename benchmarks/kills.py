"""Kills a run at random moments, resumes it each time, and compares it with a whole one.

    python benchmarks/kills.py --times=10

The command is `sslkeras train` in deterministic mode on a CPU, as a user types it. It is
killed by SIGKILL, and every third time by SIGTERM, `--times` times in all, each at a moment
drawn at random; then it runs to its end. Weights and history must be those of the run that
nobody killed, bit for bit. Exit status 1 if they are not.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pathlib  # noqa: E402

import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

flags.DEFINE_integer("times", 10, "How often the run is killed.", lower_bound=1)
flags.DEFINE_integer("epochs", 400, "Epochs of the run.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of the moments.")
FLAGS = flags.FLAGS


def command(output):
    """The command whose run is killed."""
    return [
        *(sys.executable, "-m", "sslkeras", "train", "--task=denoising_autoencoder"),
        *("--dataset=digits", "--encoder=convnet(filters=(8, 16), strides=(2, 2))"),
        *(f"--epochs={FLAGS.epochs}", "--optimizer=adam", "--schedule=cosine(warmup=0.1)"),
        *("--deterministic", "--checkpoint_seconds=1", f"--output={output}"),
    ]


def start(output):
    return subprocess.Popen(command(output), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_run(output):
    """Kills the run as often as asked and lets it end; returns how often it was killed."""
    moments = random.Random(FLAGS.seed)
    kills = 0
    while True:
        process = start(output)
        if kills < FLAGS.times:
            # Most moments fall into the training, some into the start-up of TensorFlow.
            time.sleep(moments.uniform(2.0, 12.0))
            if process.poll() is None:
                kind = signal.SIGTERM if kills % 3 == 2 else signal.SIGKILL
                process.send_signal(kind)
                process.communicate()
                kills += 1
                print(f"{kills}: {kind.name}, exit status {process.returncode}", flush=True)
                continue
        errors = process.communicate()[1].decode()
        if process.returncode:
            sys.exit(f"The run failed with status {process.returncode}:\n{errors}")
        return kills


def weights(output):
    """Every weight in the run's last checkpoint by name."""
    import tensorflow as tf

    newest = max(
        pathlib.Path(output, "checkpoints").glob("ckpt-*.index"),
        key=lambda path: int(path.stem[len("ckpt-") :]),
    )
    reader = tf.train.load_checkpoint(str(newest.with_suffix("")))
    names = reader.get_variable_to_shape_map()
    return {name: reader.get_tensor(name) for name in names if name.startswith("model/")}


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = (pathlib.Path(folder, name) for name in ("whole", "killed"))
        started = time.perf_counter()
        process = start(whole)
        if process.wait():
            sys.exit(process.stderr.read().decode())
        seconds = time.perf_counter() - started
        kills = killed_run(killed)
        ours, theirs = weights(killed), weights(whole)
        same_weights = ours.keys() == theirs.keys() and all(
            np.array_equal(ours[name], theirs[name]) for name in ours
        )
        files = [(output / "history.csv").read_bytes() for output in (whole, killed)]
    same_history = files[0] == files[1]
    print(
        f"A run of {seconds:.0f} s, killed {kills} times and resumed. {len(ours)} weights equal "
        f"bit for bit: {same_weights}. History of {FLAGS.epochs} epochs equal: {same_history}."
    )
    if kills < FLAGS.times:
        sys.exit(f"The run ended after {kills} kills: raise --epochs.")
    if not (same_weights and same_history):
        sys.exit(1)


if __name__ == "__main__":
    app.run(main)
