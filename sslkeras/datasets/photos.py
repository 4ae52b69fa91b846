"""Random crops of the two photographs that scikit-learn brings along."""

import functools

import numpy as np
import sklearn.datasets
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.hyperparameters import Integer

# Split by area: ten columns between the parts belong to neither, so no crop shows both.
_TRAIN_COLUMNS = (0, 420)
_TEST_COLUMNS = (430, 640)


class Photos(Dataset):
    """Random crops of two real photographs of 427 x 640 pixels, shipped with scikit-learn.

    Training crops lie in columns 0 to 419 of both photographs, test crops in columns 430 to
    639: a network trained on one photograph says little about another, and nothing of a
    test crop is seen in training. The i-th crop of a split depends on `seed`, `i` and
    `size` alone. `image` is uint8 `(size, size, 3)`, `label` the int32 photograph.

    Args:
        size: Side of the crops in pixels, 1 to 210. Defaults to 64.
        num_crops: Training crops in an epoch, >= 1. Defaults to 10,000.
        num_test: Test crops, >= 1. Defaults to 1,000.
        seed: Integer that chooses the crops.
    """

    features = {"image": "uint8 image size x size x 3", "label": "int32 photograph"}
    hyperparameters = {
        "size": Integer(1, _TEST_COLUMNS[1] - _TEST_COLUMNS[0], unit="pixels"),
        "num_crops": Integer(1, 10_000_000),
        "num_test": Integer(1, 10_000_000),
        "seed": Integer(0),
    }
    label_names = ("china", "flower")

    def __init__(self, *, size=64, num_crops=10_000, num_test=1_000, seed=0):
        super().__init__(size=size, num_crops=num_crops, num_test=num_test, seed=seed)

    @functools.cached_property
    def train(self):
        return _Crops(_TRAIN_COLUMNS, self.size, self.num_crops, [self.seed, 0])

    @functools.cached_property
    def test(self):
        return _Crops(_TEST_COLUMNS, self.size, self.num_test, [self.seed, 1])


class _Crops(IndexedSplit):
    """Crops cut out when they are read."""

    def __init__(self, columns, side, count, seed):
        photos = np.stack(sklearn.datasets.load_sample_images().images)
        photos = photos[:, :, slice(*columns)]
        number, height, width, _ = photos.shape
        # One row of draws a crop: those of crop i do not depend on how many crops follow.
        draws = np.random.default_rng(seed).random((count, 3))
        choices = np.array([number, height - side + 1, width - side + 1])
        corners = (draws * choices).astype(np.int32)
        with tf.init_scope(), tf.device("CPU:0"):
            self._pixels = tf.constant(photos.reshape(-1, 3))
            self._corners = tf.constant(corners)
        self._height, self._width, self._side = height, width, side
        self.size = count
        self.features = {
            "image": tf.TensorSpec((side, side, 3), tf.uint8, "image"),
            "label": tf.TensorSpec((), tf.int32, "label"),
        }

    def read(self, indices, count, *, only=None):
        steps = tf.range(self._side)
        # Pixel (r, c) of a crop lies this far behind its corner in the flattened photograph.
        offsets = steps[:, tf.newaxis] * self._width + steps

        def read(index):
            corners = tf.gather(self._corners, index)
            crops = {"label": tf.ensure_shape(corners[:, 0], (count,))}
            if only is None or "image" in only:
                first = (corners[:, 0] * self._height + corners[:, 1]) * self._width
                first += corners[:, 2]
                image = tf.gather(self._pixels, first[:, tf.newaxis, tf.newaxis] + offsets)
                crops["image"] = tf.ensure_shape(image, (count, self._side, self._side, 3))
            return {name: value for name, value in crops.items() if only is None or name in only}

        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)
