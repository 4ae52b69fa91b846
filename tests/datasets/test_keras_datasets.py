"""Tests of sslkeras.datasets.keras_datasets."""

import types

import keras
import numpy as np
import pytest

from sslkeras.datasets.keras_datasets import KerasDataset
from sslkeras.errors import ConfigurationError, DataError


def test_cached_arrays_become_images_and_labels(monkeypatch):
    train = (np.full((3, 32, 32, 3), 7), np.array([[1], [2], [3]]))
    test = (np.zeros((2, 32, 32, 3)), np.array([[9], [0]]))
    fake = types.SimpleNamespace(load_data=lambda: (train, test))
    monkeypatch.setattr(keras.datasets, "cifar10", fake)

    data = KerasDataset("cifar10")
    (batch,) = data.train.batches(9)

    assert (data.train.size, data.test.size) == (3, 2)
    assert batch["label"].numpy().tolist() == [1, 2, 3]
    assert batch["image"].dtype == "uint8" and batch["image"].numpy().max() == 7
    assert data.label_names[9] == "truck"


def test_grey_images_get_a_channel(monkeypatch):
    part = (np.zeros((2, 28, 28), np.uint8), np.array([1, 2]))
    monkeypatch.setattr(
        keras.datasets, "mnist", types.SimpleNamespace(load_data=lambda: (part, part))
    )

    assert KerasDataset("mnist").test.features["image"].shape == (28, 28, 1)


def test_a_failed_download_says_where_the_file_may_be_put(monkeypatch):
    def load_data():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets, "mnist", types.SimpleNamespace(load_data=load_data))

    with pytest.raises(DataError, match="URL fetch failure.*mnist.npz into ~/.keras/datasets"):
        _ = KerasDataset("mnist").train


def test_another_name_is_refused():
    with pytest.raises(ConfigurationError, match="`name` of KerasDataset must be one of 'mnist'"):
        KerasDataset("imdb")
