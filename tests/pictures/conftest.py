"""A run small enough for tests: filling the erased half of 8 x 8 digits."""

import dataclasses

import keras
import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.encoders.encoder import as_encoder
from sslkeras.task import Task


class Fill(Task):
    """Erases the left half of an image and predicts the image."""

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        image = batch["image"]
        half = tf.shape(image)[2] // 2
        erased = tf.concat([tf.zeros_like(image[:, :, :half]), image[:, :, half:]], axis=2)
        return erased, image

    def build_model(self, inputs, encoder, data):
        shape = inputs.shape[1:]
        images = keras.Input(shape)
        code = keras.layers.Flatten()(encoder(shape)(images))
        output = keras.layers.Dense(int(np.prod(shape)), activation="sigmoid")(code)
        return keras.Model(images, keras.layers.Reshape(shape)(output))

    def loss(self):
        return keras.losses.MeanSquaredError()

    def draw(self, inputs, targets, predictions):
        answers = [
            f"error {tf.reduce_mean((a - b) ** 2):.3f}"
            for a, b in zip(targets, predictions, strict=True)
        ]
        return {"given": inputs, "original": targets, "answer": predictions, "words": answers}


@dataclasses.dataclass
class StandIn:
    """What pictures use of a `Run`."""

    data: object
    make: object
    folder: object = None
    task: Task = dataclasses.field(default_factory=Fill)
    history: list = dataclasses.field(default_factory=list)
    config: dict = dataclasses.field(default_factory=lambda: {"dataset": "digits"})

    def __post_init__(self):
        keras.utils.set_random_seed(0)
        self.encoder = as_encoder(self.make)
        spec = self.data.train.features["image"]
        self.model = self.task.build_model(keras.Input(spec.shape), self.encoder, self.data)

    @property
    def encoders(self):
        return self.task.encoders(self.model)


def convolutional(shape):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        ]
    )


def dense(shape):
    return keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(12, activation="relu")]
    )


@pytest.fixture(scope="session")
def digits():
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    return Given(
        ArraySplit({"image": images[:1200], "label": labels[:1200]}),
        ArraySplit({"image": images[1200:1300], "label": labels[1200:1300]}),
        label_names=tuple("0123456789"),
    )


@pytest.fixture
def stand_in(digits):
    return lambda make=convolutional, data=digits, **more: StandIn(data, make, **more)


@pytest.fixture
def dense_trunk():
    return dense


@pytest.fixture
def is_drawn():
    """Whether a PNG exists and is not of one colour."""

    def check(path):
        from PIL import Image

        pixels = np.asarray(Image.open(path).convert("RGB"))
        return path.suffix == ".png" and min(pixels.shape[:2]) > 100 and pixels.std() > 5.0

    return check
