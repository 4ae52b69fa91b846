"""A run small enough for tests: two classes of 4 x 4 images, a linear autoencoder."""

import dataclasses

import keras
import numpy as np
import pytest

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.encoders.encoder import as_encoder
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task


class Identity(Task):
    """Predicts the image itself."""

    probes = ("linear", "knn(k=5)")

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["image"], batch["image"]

    def build_model(self, inputs, encoder, data):
        images = keras.Input(inputs.shape[1:])
        code = keras.layers.Flatten()(encoder(inputs.shape[1:])(images))
        output = keras.layers.Reshape(inputs.shape[1:])(
            keras.layers.Dense(int(np.prod(inputs.shape[1:])))(code)
        )
        return keras.Model(images, output)

    def loss(self):
        return keras.losses.MeanSquaredError()


@dataclasses.dataclass
class StandIn:
    """What `evaluate` uses of a `Run`."""

    data: object
    make: object
    folder: object = None
    batch_size: int = 32
    history: list = dataclasses.field(default_factory=lambda: [{"epoch": 0}, {"epoch": 1}])
    config: dict = dataclasses.field(default_factory=lambda: {"dataset": "toy"})
    task: Task = dataclasses.field(default_factory=Identity)

    def __post_init__(self):
        self.model = self.untrained_model(100)

    @property
    def encoders(self):
        return self.task.encoders(self.model)

    def untrained_model(self, seed):
        keras.utils.set_random_seed(seed)
        spec = self.data.train.features["image"]
        inputs = keras.Input(spec.shape)
        return self.task.build_model(inputs, as_encoder(self.make), self.data)

    def surrogate_metrics(self):
        return {"loss": 0.25}


def convolutional(shape):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(6, 3, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    )


def images_of(labels, seed):
    """Class c is bright in column c, under noise."""
    images = np.random.default_rng(seed).uniform(0, 0.6, (len(labels), 4, 4, 1))
    images[np.arange(len(labels)), :, labels % 4] += 0.4
    return images.astype(np.float32)


@pytest.fixture(scope="session")
def data():
    train, test = (np.random.default_rng(s).integers(0, 3, n) for s, n in ((0, 90), (1, 41)))
    return Given(
        ArraySplit({"image": images_of(train, 2), "label": train, "size": train / 2.0}),
        ArraySplit({"image": images_of(test, 3), "label": test, "size": test / 2.0}),
        label_names=("left", "middle", "right"),
    )


@pytest.fixture
def run(data):
    return StandIn(data, convolutional)


@pytest.fixture
def stand_in():
    return lambda data, make=convolutional, **more: StandIn(data, make, **more)


@pytest.fixture(scope="session")
def subject_of():
    """Makes a subject of given features: `subject_of(train, y, test, y)`."""

    def make(train, train_labels, test, test_labels):
        splits = [
            ArraySplit({"image": np.asarray(x, np.float32), "label": np.asarray(y)})
            for x, y in ((train, train_labels), (test, test_labels))
        ]
        return Subject("raw input", Given(*splits), "image", None)

    return make
