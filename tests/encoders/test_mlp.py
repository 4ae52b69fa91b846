"""Tests of sslkeras.encoders.mlp."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.mlp import MLP
from sslkeras.errors import ConfigurationError


def test_the_layers_have_the_asked_sizes():
    model = MLP(hidden_sizes=(5, 3))((2, 4, 1))

    # 8 * 5 + 5 and 5 * 3 + 3.
    assert model.count_params() == 45 + 18
    assert model.output_shape == (None, 3)


def test_every_layer_is_rectified():
    model = MLP(hidden_sizes=(4, 6))((3,))

    output = model(np.random.default_rng(0).normal(size=(50, 3)))

    assert output.numpy().min() == 0 < output.numpy().max()


def test_the_encoder_survives_saving(tmp_path):
    model = MLP(hidden_sizes=(5, 3))((2, 2, 1))
    images = np.random.default_rng(0).random((3, 2, 2, 1), np.float32)

    model.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-6)


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigurationError, match=r"`hidden_sizes` of MLP.*hidden_sizes=\(\)"):
        MLP(hidden_sizes=())
    with pytest.raises(ConfigurationError, match="`activation` of MLP.*activation='rellu'"):
        MLP(activation="rellu")


def test_the_configuration_makes_an_equal_encoder():
    encoder = MLP(hidden_sizes=[7], activation="tanh")

    assert MLP(**encoder.get_config()).get_config() == encoder.get_config()
