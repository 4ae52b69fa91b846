"""Handwritten digits that scikit-learn brings along.

E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998 (the test part), https://doi.org/10.24432/C50P49.
"""

import functools

import numpy as np
import sklearn.datasets
import tensorflow as tf

from sslkeras.datasets.dataset import ArraySplit, Dataset
from sslkeras.hyperparameters import Choice, Integer

NUM_TRAIN = 1297  # of 1797; the last 500 were written by other people than the first


class Digits(Dataset):
    """1797 real handwritten digits of 8 x 8 pixels, shipped with scikit-learn.

    The first 1297 in scikit-learn's order are the training split and the last 500 the
    test split; classes are nearly balanced in both. `image` is float32 `(size, size,
    channels)` in [0, 1]: the stored inks 0 to 16 divided by 16, exactly where `size` is 8.
    `label` is the int32 digit.

    Args:
        size: Side of the images in pixels, >= 8; others than 8 are interpolated bilinearly
            once. Defaults to 8, as stored.
        channels: 1, or 3 for tasks that read colour images: the same ink in each.
    """

    features = {"image": "float32 image size x size x channels", "label": "int32 digit"}
    hyperparameters = {"size": Integer(8, 512, unit="pixels"), "channels": Choice(1, 3)}
    label_names = tuple(str(digit) for digit in range(10))

    def __init__(self, *, size=8, channels=1):
        super().__init__(size=size, channels=channels)

    @functools.cached_property
    def train(self):
        return self._split(slice(None, NUM_TRAIN))

    @functools.cached_property
    def test(self):
        return self._split(slice(NUM_TRAIN, None))

    def _split(self, rows):
        images, labels = load_digits(self.size)
        images = np.repeat(images[rows], self.channels, axis=-1)
        return ArraySplit({"image": images, "label": labels[rows]})


def load_digits(size):
    """All 1797 digits: float32 `(1797, size, size, 1)` in [0, 1] and int32 `(1797,)`."""
    stored = sklearn.datasets.load_digits()
    images = (stored.images / 16.0).astype(np.float32)[..., np.newaxis]
    if size != 8:
        with tf.init_scope(), tf.device("CPU:0"):
            images = tf.image.resize(images, (size, size), method="bilinear").numpy()
    return images, stored.target.astype(np.int32)
