"""A small task, dataset and encoder that tests of several modules train."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import Task
from sslkeras.datasets import ArraySplit, Given
from sslkeras.hyperparameters import Real


class Denoise(Task):
    """Predicts an image from one with pixels left out."""

    reads = {"image": (4, 4, 1)}
    hyperparameters = {"level": Real(0, 1, closed="left")}

    def __init__(self, *, level=0.3):
        super().__init__(level=level)

    def pretext(self, batch, seed):
        image = batch["image"]
        kept = tf.random.stateless_uniform(tf.shape(image), seed) >= self.level
        return image * tf.cast(kept, image.dtype), image

    def build_model(self, inputs, encoder, data):
        shape = inputs.shape[1:]
        image = keras.Input(shape)
        code = keras.layers.Flatten()(encoder(shape)(image))
        flat = keras.layers.Dense(shape.num_elements(), dtype="float32")(code)
        return keras.Model(image, keras.layers.Reshape(shape)(flat))

    def loss(self):
        return keras.losses.MeanSquaredError()

    def metrics(self):
        return [keras.metrics.MeanAbsoluteError(name="mae")]

    def draw(self, inputs, targets, predictions):
        return {"clean": targets, "corrupted": inputs, "restored": predictions}


def small_encoder(shape):
    """A convolution and a ReLU, `(height / 2, width / 2, 4)`."""
    image = keras.Input(shape)
    return keras.Model(
        image, keras.layers.Conv2D(4, 3, 2, padding="same", activation="relu")(image)
    )


def stripes(train=96, test=40, size=8):
    """Images of horizontal (label 0) or vertical (label 1) stripes with noise."""
    random = np.random.RandomState(0)

    def split(count):
        label = np.arange(count, dtype=np.int32) % 2
        wave = (np.arange(size) % 2 * 160).astype(np.uint8)
        across = np.broadcast_to(wave[:, None], (size, size))
        image = np.where(label[:, None, None] == 0, across, across.T)
        image = image + random.randint(0, 90, image.shape)
        return ArraySplit({"image": image[..., None].astype(np.uint8), "label": label})

    return Given(split(train), split(test), label_names=("horizontal", "vertical"))
