"""Tests of sslkeras.encoders.encoder."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.encoder import FunctionEncoder, as_encoder, named_model
from sslkeras.encoders.mlp import MLP
from sslkeras.errors import ConfigurationError


def dense_model(input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(3)(inputs))


def test_a_function_becomes_an_encoder_whose_model_has_the_name():
    encoder = as_encoder(dense_model)

    model = encoder((4,))

    assert isinstance(encoder, FunctionEncoder)
    assert model.name == "encoder" and encoder((4,), name="key").name == "key"
    assert model.output_shape == (None, 3)


def test_an_unbuilt_sequential_model_is_built():
    model = as_encoder(lambda shape: keras.Sequential([keras.layers.Dense(2)]))((5,))

    assert model.input_shape == (None, 5) and model.output_shape == (None, 2)


def test_a_function_that_returns_one_model_gives_copies_with_its_first_weights():
    given = dense_model((4,))
    first_weights = [weight.copy() for weight in given.get_weights()]
    encoder = as_encoder(lambda shape: given)

    first = encoder((4,))
    first.set_weights([weight + 1 for weight in first_weights])
    second = encoder((4,), name="second")

    for weight, expected in zip(second.get_weights(), first_weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert not {id(w) for w in first.weights} & {id(w) for w in second.weights}
    np.testing.assert_array_equal(given.get_weights()[0], first_weights[0] + 1)


def test_renaming_shares_the_layers():
    model = dense_model((4,))

    renamed = named_model(model, "other")

    assert renamed.name == "other" and renamed.weights[0] is model.weights[0]
    assert named_model(renamed, "other") is renamed


def test_a_name_or_an_encoder_is_taken():
    mlp = MLP(hidden_sizes=(2,))

    assert as_encoder(mlp) is mlp
    assert as_encoder("mlp(hidden_sizes=(7,))").hidden_sizes == (7,)


def test_what_is_no_encoder_is_refused():
    with pytest.raises(ConfigurationError, match="must be a name.*Received: Functional.*lambda"):
        as_encoder(dense_model((4,)))
    with pytest.raises(ConfigurationError, match="must return a keras.Model. Received: int"):
        as_encoder(lambda shape: 3)((4,))


def test_a_model_for_another_shape_is_refused_with_both_shapes():
    with pytest.raises(ConfigurationError, match=r"inputs of \(4,\). Received: a model for \(9,\)"):
        as_encoder(lambda shape: dense_model((9,)))((4,))


def test_a_model_for_any_size_is_taken():
    def any_size(_):
        inputs = keras.Input((None, None, 3))
        return keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs))

    assert as_encoder(any_size)((8, 8, 3)).output_shape[-1] == 2
