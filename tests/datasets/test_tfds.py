"""Tests of sslkeras.datasets.tfds, against a stand-in for the optional package."""

import collections
import io
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sslkeras.datasets.dataset import Order
from sslkeras.datasets.tfds import TFDS
from sslkeras.errors import DataError


class _Feature:
    def __init__(self, shape=(), dtype=np.int64, names=()):
        self.shape, self.dtype, self.names = shape, dtype, names


class _Image(_Feature):
    pass


class _ClassLabel(_Feature):
    pass


class _Tensor(_Feature):
    pass


class _Text(_Feature):
    pass


def png(value):
    buffer = io.BytesIO()
    Image.new("L", (6, 6), value).save(buffer, "PNG")
    return buffer.getvalue()


class _Builder:
    def __init__(self, splits=("train", "test"), image_shape=(6, 6, 1), error=None):
        sizes = {name: types.SimpleNamespace(num_examples=8) for name in splits}
        features = {
            "image": _Image(image_shape),
            "label": _ClassLabel(names=["cat", "dog"]),
            "age": _Tensor((), np.float32),
            "text": _Text(),
        }
        self.info = types.SimpleNamespace(splits=sizes, features=features)
        self._error = error

    def download_and_prepare(self):
        if self._error:
            raise self._error

    def as_dataset(self, split, decoders, shuffle_files):
        assert set(decoders) == {"image"} and not shuffle_files
        numbers = range(8)
        return tf.data.Dataset.from_tensor_slices(
            {
                "image": [png(number) for number in numbers],
                "label": np.arange(8) % 2,
                "age": np.arange(8, dtype=np.float32),
                "text": [b"nothing"] * 8,
            }
        )


@pytest.fixture
def install(monkeypatch):
    def install(**arguments):
        features = types.SimpleNamespace(
            Image=_Image, ClassLabel=_ClassLabel, Tensor=_Tensor, Scalar=_Tensor
        )
        package = types.ModuleType("tensorflow_datasets")
        package.features = features
        package.decode = types.SimpleNamespace(SkipDecoding=lambda: None)
        catalogue = collections.defaultdict(lambda: None, pets=_Builder(**arguments))

        def builder(name, data_dir):
            if catalogue[name] is None:
                raise ValueError("unknown")
            return catalogue[name]

        package.builder = builder
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", package)

    return install


def test_images_classes_and_numbers_are_offered(install):
    install()

    data = TFDS("pets")
    (batch,) = data.train.batches(9)

    assert set(data.train.features) == set(batch) == {"image", "label", "age"}
    assert batch["image"].numpy()[:, 0, 0, 0].tolist() == list(range(8))
    assert batch["label"].dtype == tf.int32
    assert data.label_names == ("cat", "dog") and data.train.size == 8


def test_images_are_resized_and_converted_when_asked(install):
    install(image_shape=(None, None, 3))

    (batch,) = TFDS("pets", size=4, channels=3).test.batches(8, order=Order(0, 0)).take(1)

    assert batch["image"].shape == (8, 4, 4, 3)
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], batch["age"])


def test_images_of_differing_sizes_need_a_size(install):
    install(image_shape=(None, None, 3))

    with pytest.raises(DataError, match="one square size.*Give `size`"):
        _ = TFDS("pets").train


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)

    with pytest.raises(DataError, match=r"pip install 'sslkeras\[tfds\]'"):
        TFDS("pets")


def test_an_unknown_name_is_an_error(install):
    install()

    with pytest.raises(DataError, match="`name` must be in the catalogue.*Received: 'dogs'"):
        TFDS("dogs")


def test_a_failed_download_is_an_error(install):
    install(error=ConnectionError("no route"))

    with pytest.raises(DataError, match="prepared or downloadable.*no route.*`data_dir`"):
        _ = TFDS("pets").train


def test_splits_that_do_not_exist_are_an_error(install):
    install(splits=("train",))

    with pytest.raises(DataError, match="with the splits train. Give parts"):
        _ = TFDS("pets").test
    with pytest.raises(DataError, match="Did you mean 'train'.*Received: 'trian'"):
        _ = TFDS("pets", train_split="trian").train


def test_validation_stands_in_for_a_missing_test_split(install):
    install(splits=("train", "validation"))

    assert TFDS("pets").test.size == 8
