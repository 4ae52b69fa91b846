"""The image datasets that Keras downloads."""

import functools

import keras
import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Dataset
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Choice

_DIGITS = tuple(str(digit) for digit in range(10))
_LABEL_NAMES = {
    "mnist": _DIGITS,
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    "cifar100": None,
}
_FILES = {
    "mnist": "mnist.npz",
    "fashion_mnist": "fashion-mnist/train-images-idx3-ubyte.gz and its three companions",
    "cifar10": "cifar-10-batches-py.tar.gz",
    "cifar100": "cifar-100-python.tar.gz",
}


class KerasDataset(Dataset):
    """MNIST, Fashion-MNIST, CIFAR-10 or CIFAR-100 as Keras downloads and caches them.

    `image` is uint8 `(28, 28, 1)` or `(32, 32, 3)`, `label` an int32 class. The splits are
    the datasets' own. The file is downloaded when a split is first used.

    Args:
        name: "mnist", "fashion_mnist", "cifar10" or "cifar100".

    Raises:
        DataError: On first use, if the file is not cached and cannot be downloaded.
    """

    features = {"image": "uint8 image 28 x 28 x 1 or 32 x 32 x 3", "label": "int32 class"}
    hyperparameters = {"name": Choice(*_LABEL_NAMES)}

    def __init__(self, name):
        super().__init__(name=name)
        self.label_names = _LABEL_NAMES[name]

    @property
    def train(self):
        return self._splits[0]

    @property
    def test(self):
        return self._splits[1]

    @functools.cached_property
    def _splits(self):
        try:
            parts = getattr(keras.datasets, self.name).load_data()
        except Exception as error:  # urllib, tarfile and Keras raise bare exceptions here.
            raise DataError(
                f"The dataset '{self.name}' must be cached or downloadable. Received: "
                f"{type(error).__name__}: {error}. Connect to the network, or put "
                f"{_FILES[self.name]} into ~/.keras/datasets by hand."
            ) from error
        return tuple(ArraySplit(_as_features(*part)) for part in parts)


def _as_features(images, labels):
    images = np.asarray(images, np.uint8)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return {"image": images, "label": np.asarray(labels).reshape(-1).astype(np.int32)}
