"""Tests of sslkeras.pictures.attention."""

import keras
import numpy as np
import pytest

from sslkeras.pictures import attention
from sslkeras.pictures.attention import draw, embedding_model


def test_a_trunk_without_convolution_goes_without_grad_cam(
    stand_in, dense_trunk, tmp_path, capsys, is_drawn, monkeypatch
):
    monkeypatch.setattr(attention, "_STEPS", 3)

    paths = draw(stand_in(dense_trunk), tmp_path, examples=2, seed=0)

    assert all(is_drawn(path) for path in paths)
    assert "Grad-CAM is left out" in capsys.readouterr().err


def test_grad_cam_looks_at_the_map_that_is_pooled():
    encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])

    model, layer = embedding_model(encoder, (8, 8, 1))

    assert model.output_shape == (None, 4)
    assert layer.name == "map"


def test_grad_cam_looks_inside_a_trunk_that_gives_a_vector():
    convolution = keras.layers.Conv2D(4, 3)
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), convolution, keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype(np.float32)

    model, layer = embedding_model(encoder, (8, 8, 1))

    assert layer is convolution
    np.testing.assert_allclose(model(images), encoder(images), rtol=1e-6)


def test_grad_cam_looks_inside_a_trunk_whose_map_is_one_cell(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(attention, "_STEPS", 3)

    def trunk(shape):
        layers = [keras.layers.Conv2D(6, 3, activation="relu"), keras.layers.MaxPooling2D(6)]
        return keras.Sequential([keras.Input(shape), *layers])

    run = stand_in(trunk)

    _, layer = embedding_model(run.encoders["encoder"], (8, 8, 1))

    assert isinstance(layer, keras.layers.Conv2D)
    assert len(draw(run, tmp_path, examples=2, seed=0)) == 2


def test_a_trunk_in_half_precision_is_rebuilt(stand_in, tmp_path, monkeypatch, is_drawn):
    monkeypatch.setattr(attention, "_STEPS", 3)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        run = stand_in()
    finally:
        keras.mixed_precision.set_global_policy("float32")

    paths = draw(run, tmp_path, examples=2, seed=0)

    assert all(is_drawn(path) for path in paths)


def test_an_encoder_of_tokens_is_left_out_aloud(stand_in, tmp_path, capsys):
    run = stand_in()
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Embedding(9, 3)])
    run.task.encoders = lambda model: {"words": encoder}

    assert draw(run, tmp_path, examples=1, seed=0) == []
    assert "'words' does not take images" in capsys.readouterr().err


@pytest.mark.parametrize("functional", [True, False])
def test_grad_cam_looks_at_a_model_within_a_trunk(
    functional, stand_in, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(attention, "_STEPS", 3)

    def trunk(shape):
        inner = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(6, 3)])
        head = [keras.layers.Flatten(), keras.layers.Dense(5)]
        trunk = keras.Sequential([keras.Input(shape), inner, *head])
        if not functional:
            return trunk
        inputs = keras.Input(shape)
        normalised = keras.layers.BatchNormalization()(inputs)
        return keras.Model(inputs, head[1](head[0](inner(normalised))))

    run = stand_in(trunk)
    encoder = run.encoders["encoder"]
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype(np.float32)

    model, layer = embedding_model(encoder, (8, 8, 1))

    assert layer.output_shape == (None, 6, 6, 6)
    assert layer.name == "map"
    np.testing.assert_allclose(model(images), encoder(images), rtol=1e-6)
    assert len(draw(run, tmp_path, examples=2, seed=0)) == 2
    assert "left out" not in capsys.readouterr().err


def test_a_branched_trunk_around_a_model_goes_without_grad_cam():
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 1)])
    inputs = keras.Input((8, 8, 1))
    joined = keras.layers.Flatten()(keras.layers.Add()([inner(inputs), 2.0 * inner(inputs)]))

    _, layer = embedding_model(keras.Model(inputs, keras.layers.Dense(3)(joined)), (8, 8, 1))

    assert layer is None or layer.name != "map"
