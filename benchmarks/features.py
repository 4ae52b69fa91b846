"""Features that memory does not hold: how long they take, and how much memory at most.

    python benchmarks/features.py --folder=FOLDER
    python benchmarks/features.py --folder=FOLDER --rows=100000

A dense layer of 2,048 units makes the features of a million random vectors of 16 numbers in 10
classes, in FOLDER (8.2 GB, which are removed at the end). Then the probe `linear` is fitted on them
by gradient steps on batches, `knn` looks up 1,000 test examples, and features are looked for again,
as a second evaluation would. Printed are seconds, and the most memory of its own that the process
held (pages of the features that the system keeps as a cache are not its own).
"""

import os
import pathlib
import shutil
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

from sslkeras.datasets import ArraySplit, Given  # noqa: E402
from sslkeras.evaluation.feature_store import FeatureStore  # noqa: E402
from sslkeras.evaluation.fingerprints import DataFingerprints  # noqa: E402
from sslkeras.evaluation.knn import KNN  # noqa: E402
from sslkeras.evaluation.linear import Linear  # noqa: E402
from sslkeras.evaluation.probe import Subject  # noqa: E402

flags.DEFINE_string("folder", None, "Where the features lie meanwhile.", required=True)
flags.DEFINE_integer("rows", 1_000_000, "Train examples.", lower_bound=1000)
flags.DEFINE_integer("epochs", 1, "Passes of the linear probe.")
flags.DEFINE_integer("width", 2048, "Features of an example.")
FLAGS = flags.FLAGS
CLASSES, NUMBERS, TEST = 10, 16, 1000


def examples(count, seed):
    """Vectors around the centre of their class."""
    centres = np.random.default_rng(0).normal(size=(CLASSES, NUMBERS))
    random = np.random.default_rng(seed)
    label = random.integers(0, CLASSES, count).astype(np.int32)
    values = centres[label] + random.normal(size=(count, NUMBERS))
    return ArraySplit({"vector": values.astype(np.float32), "label": label})


class Memory(threading.Thread):
    """Notes the most memory that the process holds beside files that are mapped, in MiB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0.0

    def run(self):
        while True:
            self.most = max(self.most, self.now())
            time.sleep(0.05)

    @staticmethod
    def now():
        lines = pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def main(_):
    folder = pathlib.Path(FLAGS.folder, "sslkeras-features")
    data = Given(examples(FLAGS.rows, 1), examples(TEST, 2))
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [keras.Input((NUMBERS,)), keras.layers.Dense(FLAGS.width, activation="relu")]
    )

    def subject():
        return Subject(
            "pretrained",
            data,
            "vector",
            encoder,
            store=FeatureStore(folder),
            fingerprints=DataFingerprints(data),
        )

    first, memory = subject(), Memory()
    before = memory.now()
    memory.start()
    parts = {
        "extracted": lambda: first.features("train").shape,
        "linear(backend='sgd')": lambda: Linear(backend="sgd", epochs=FLAGS.epochs).run(first, 0)[
            "top-1"
        ],
        "knn": lambda: KNN().run(first, 0)["top-1"],
        "found again": lambda: subject().features("train").shape,
    }
    size = FLAGS.rows * FLAGS.width * 4 / 2**20
    print(f"{FLAGS.rows} x {FLAGS.width} features: {size:.0f} MiB; {before:.0f} held before")
    try:
        for name, part in parts.items():
            memory.most, began = 0.0, time.perf_counter()
            found = part()
            seconds = time.perf_counter() - began
            time.sleep(0.1)
            print(f"{name}: {seconds:.1f} s, at most {memory.most - before:.0f} MiB more; {found}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    app.run(main)
