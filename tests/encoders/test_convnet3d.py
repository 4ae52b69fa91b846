"""Tests of sslkeras.encoders.convnet3d."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.convnet3d import Convnet3D
from sslkeras.errors import ConfigurationError


def clips(length):
    return np.random.default_rng(0).random((2, length, 9, 9, 2), np.float32)


def test_maps_have_the_length_of_the_clip_by_default():
    model = Convnet3D(filters=(3, 4), strides=(1, 2))((None, 9, 9, 2))

    assert model.output_shape == (None, None, 5, 5, 4)
    assert model(clips(3)).shape == (2, 3, 5, 5, 4)


def test_time_can_be_strided():
    model = Convnet3D(filters=(3, 4), strides=(1, 2), time_strides=(2, 2))((5, 9, 9, 2))

    assert model.output_shape == (None, 2, 5, 5, 4)  # 5 / 2 / 2, rounded up each time.


def test_a_frame_sees_those_beside_it():
    model = Convnet3D(filters=(3,), strides=(1,), batch_norm=False)((None, 9, 9, 2))
    changed = clips(6)
    changed[:, 1] = 0

    same = np.isclose(model(clips(6)), model(changed)).all(axis=(0, 2, 3, 4))

    np.testing.assert_array_equal(same, [False, False, False, True, True, True])


def test_the_encoder_survives_saving(tmp_path):
    model = Convnet3D(filters=(3,), strides=(2,))((None, 9, 9, 2))
    model.save(tmp_path / "encoder.keras")

    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(clips(3)), model(clips(3)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["strides", "time_strides"])
def test_strides_must_be_as_many_as_filters(name):
    with pytest.raises(ConfigurationError, match=f"`{name}` of Convnet3D must have as many"):
        Convnet3D(**{name: (1, 2)})


def test_an_image_is_refused():
    with pytest.raises(ConfigurationError, match=r"Convnet3D takes clips.*Received: \(8, 8, 1\)"):
        Convnet3D()((8, 8, 1))
