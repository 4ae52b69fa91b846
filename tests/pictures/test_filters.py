"""Tests of sslkeras.pictures.filters."""

import keras
import numpy as np

from sslkeras.pictures.filters import draw, first_weights


def test_filters_of_a_convolution_are_its_kernels():
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, (2, 3))])

    weights, words = first_weights(encoder)

    assert weights.shape == (5, 2, 3, 3)
    np.testing.assert_array_equal(weights[4], encoder.layers[0].get_weights()[0][..., 4])
    assert words == "First convolution (2 x 3)"


def test_the_first_layer_is_found_in_a_model_within():
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
    inputs = keras.Input((8, 8, 1))

    assert first_weights(keras.Model(inputs, inner(inputs)))[0].shape == (4, 3, 3, 1)


def test_units_on_flattened_pixels_are_images(dense_trunk):
    encoder = dense_trunk((8, 8, 1))

    weights, _ = first_weights(encoder)

    kernel = encoder.layers[-1].get_weights()[0]  # (64, 12)
    np.testing.assert_array_equal(weights[3, 1, 2, 0], kernel[1 * 8 + 2, 3])


def test_colour_filters_are_drawn(tmp_path, stand_in, is_drawn):
    run = stand_in()
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(70, 3)])
    run.task.encoders = lambda model: {"encoder": encoder}

    [path] = draw(run, tmp_path, examples=1, seed=0)

    assert is_drawn(path)


def test_an_encoder_of_tokens_has_none(tmp_path, stand_in, capsys):
    run = stand_in()
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Embedding(9, 3)])
    run.task.encoders = lambda model: {"words": encoder}

    assert draw(run, tmp_path, examples=1, seed=0) == []
    assert "'words' does not begin with a convolution" in capsys.readouterr().err


@keras.saving.register_keras_serializable(package="tests")
class OwnDense(keras.layers.Layer):
    """A matrix called `kernel`, as a plugin's own dense layer has it."""

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[-1], 3))

    def call(self, inputs):
        return inputs @ self.kernel


def test_a_dense_layer_of_a_plugin_counts_as_well():
    image = keras.Input((4, 4, 1))
    own = OwnDense()
    encoder = keras.Model(image, own(keras.layers.Flatten()(image)))

    weights, _ = first_weights(encoder)

    np.testing.assert_array_equal(weights[1].ravel(), own.kernel.numpy()[:, 1])
