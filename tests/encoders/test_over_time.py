"""Tests of sslkeras.encoders.over_time."""

import keras
import numpy as np
import pytest

from sslkeras import registry
from sslkeras.encoders.over_time import OverTime
from sslkeras.errors import ConfigurationError
from sslkeras.evaluation.frame_features import gives_frames

SMALL = "convnet(filters=(3,), strides=(2,), batch_norm=False)"


def clips(length, seed=0):
    return np.random.default_rng(seed).random((2, length, 8, 8, 1), np.float32)


def test_each_frame_gets_what_the_encoder_alone_would_give():
    model = OverTime(SMALL)((None, 8, 8, 1))
    given = clips(5)

    features = model(given)

    assert model.output_shape == (None, None, 4, 4, 3)
    for time in range(5):
        expected = model.get_layer("frame")(given[:, time])
        np.testing.assert_allclose(features[:, time], expected, rtol=1e-5, atol=1e-6)


def test_no_frame_sees_another():
    model = OverTime(SMALL)((None, 8, 8, 1))
    given = clips(4)

    changed = given.copy()
    changed[:, 2] = 0

    same = np.isclose(model(given), model(changed)).all(axis=(0, 2, 3, 4))
    np.testing.assert_array_equal(same, [True, True, False, True])


def test_maps_can_be_pooled():
    maps, vectors = (OverTime(SMALL, pooling=one)((6, 8, 8, 1)) for one in (None, "mean"))
    vectors.set_weights(maps.get_weights())

    assert vectors.output_shape == (None, 6, 3)
    np.testing.assert_allclose(
        vectors(clips(6)), np.mean(maps(clips(6)), axis=(2, 3)), rtol=1e-5, atol=1e-6
    )
    assert gives_frames(maps) and gives_frames(vectors)


def test_the_encoder_survives_saving(tmp_path):
    model = registry.encoders.create(f"over_time({SMALL!r}, pooling='max')")((None, 8, 8, 1))
    model.save(tmp_path / "encoder.keras")

    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(clips(3)), model(clips(3)), rtol=1e-5, atol=1e-6)


def test_an_image_is_refused():
    with pytest.raises(ConfigurationError, match=r"OverTime takes clips.*Received: \(8, 8, 1\)"):
        OverTime(SMALL)((8, 8, 1))


def test_an_encoder_of_clips_is_refused():
    with pytest.raises(ConfigurationError, match="takes clips"):
        OverTime("over_time")((4, 8, 8, 1))


def test_an_unknown_encoder_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="convne"):
        OverTime("convne")
