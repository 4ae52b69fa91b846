"""Tests of sslkeras.evaluation.monitor."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.datasets import ArraySplit, Given
from sslkeras.evaluation.health import effective_rank
from sslkeras.evaluation.knn import KNN
from sslkeras.evaluation.monitor import Monitor
from sslkeras.evaluation.probe import Subject
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


def constant_where_dark(shape):
    """Features of NaN for images whose first pixel is dark, 1 and the pixel for others."""
    image = keras.Input(shape)
    first = keras.layers.Cropping2D(((0, shape[0] - 1), (0, shape[1] - 1)))(image)
    bad = keras.layers.Lambda(lambda x: tf.where(x < 0.5, np.nan, x))(first)
    return keras.Model(image, keras.layers.Concatenate()([bad, first]))


def halves(count=20):
    """Images of one grey each, of which every second is dark; the label is the brightness."""
    grey = np.where(np.arange(count) % 2, 200 + np.arange(count), 10).astype(np.uint8)
    images = np.tile(grey[:, None, None, None], (1, 8, 8, 1))
    label = (np.arange(count) % 4 == 3).astype(np.int32)
    split = ArraySplit({"image": images, "label": label})
    return Given(split, split), grey[1::2] / 255.0


def test_rows_that_are_not_finite_are_counted_and_left_out_of_the_rest():
    data, bright = halves()

    logs = looked(data, constant_where_dark)

    assert logs["rows_not_finite"] == 10.0
    kept = np.stack([bright, bright], axis=1)
    assert logs["feature_std"] == pytest.approx(kept.std(axis=0).mean(), rel=1e-4)
    assert logs["effective_rank"] == pytest.approx(effective_rank(kept), rel=1e-3)
    # All bright images point the same way, so that 10 neighbours vote 5 to 5: the smaller
    # class, of which 5 of the 20 are bright. The dark ones have no neighbours.
    assert logs["knn"] == pytest.approx(5 / 20)


def test_features_without_a_finite_row_stop_nothing(capsys):
    def diverged(shape):
        image = keras.Input(shape)
        return keras.Model(image, keras.layers.Rescaling(np.inf, offset=-np.inf)(image))

    logs = looked(stripes(), diverged)

    assert logs["rows_not_finite"] == 40.0
    assert np.isnan(logs["feature_std"]) and np.isnan(logs["effective_rank"])
    assert logs["knn"] == 0.0
    assert "NaN or infinity in 40 of 40 rows (epoch 1)" in capsys.readouterr().err


def test_the_neighbours_vote_as_the_probe_does():
    data = stripes(train=60, test=30)
    task = Denoise()
    encoder = small_encoder
    model = task.build_model(
        task.examples(data.train, 8).element_spec[0], sslkeras.encoders.as_encoder(encoder), data
    )
    noise = np.random.default_rng(0)
    model.set_weights([noise.normal(size=w.shape) for w in model.get_weights()])
    logs = {}
    Monitor(task, model, data, 1).on_epoch_end(0, logs)
    trunk = next(iter(task.encoders(model).values()))
    subject = Subject("pretrained", data, "image", trunk)

    expected = KNN(k=20, temperature=0.07).run(subject, 0)

    assert logs["knn"] == pytest.approx(expected["top-1"])
