"""Tests of sslkeras.evaluation.monitor."""

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras.datasets import ArraySplit, Given
from sslkeras.evaluation.monitor import Monitor
from tests.toys import Denoise, small_encoder, stripes


def looked(data, encoder=small_encoder, every=1, epoch=0):
    task = Denoise()
    model = task.build_model(
        task.examples(data.train, 8).element_spec[0], sslkeras.encoders.as_encoder(encoder), data
    )
    logs = {}
    Monitor(task, model, data, every).on_epoch_end(epoch, logs)
    return logs


def test_separable_classes_are_found_by_their_neighbours():
    logs = looked(stripes())

    assert logs["knn"] == 1.0
    assert logs["feature_std"] > 0.0
    assert 1.0 <= logs["effective_rank"] <= 4.0


def test_only_every_nth_epoch_is_looked_at():
    assert looked(stripes(), every=3, epoch=1) == {}
    assert "knn" in looked(stripes(), every=3, epoch=2)


def test_data_without_labels_is_looked_at_without_neighbours():
    images = np.random.RandomState(0).randint(0, 255, (40, 8, 8, 1)).astype(np.uint8)

    logs = looked(Given(ArraySplit({"image": images})))

    assert "knn" not in logs and logs["feature_std"] > 0.0


def test_a_collapse_is_said_aloud(capsys):
    def constant(shape):
        image = keras.Input(shape)
        zero = keras.layers.Conv2D(4, 3, 2, padding="same", kernel_initializer="zeros")
        return keras.Model(image, zero(image))

    logs = looked(stripes(), constant)

    assert logs["feature_std"] == pytest.approx(0.0)
    assert "have collapsed" in capsys.readouterr().err


def test_a_run_writes_it_into_its_history():
    run = sslkeras.pretrain(
        Denoise(), stripes(), small_encoder, epochs=2, batch_size=16, monitor_every=2
    )

    assert "knn" not in run.history[0]
    assert run.history[1]["knn"] > 0.9
