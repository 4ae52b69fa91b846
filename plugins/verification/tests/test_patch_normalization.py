"""Tests of sslkeras_verification.patch_normalization."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.patch_normalization import (
    PatchNormalization,
    normalised_trunk,
    to_rms,
)


def test_a_kept_channel_beside_noise_reaches_the_papers_scale():
    # Squares: 14 of the kept channel, 0.3 and 0.45 of the noise; (14.75 / 12)^0.5 is 1.10868.
    kept = [[-2.0, -1.0], [0.0, 3.0]]
    noise = [[[0.1, -0.2], [0.3, -0.4]], [[-0.5, 0.4], [0.0, 0.2]]]
    patch = tf.stack([kept, *noise], axis=-1)[tf.newaxis]

    scaled = to_rms(patch, 50.0).numpy()

    np.testing.assert_allclose(
        scaled[0, ..., 0], [[-90.197523, -45.098762], [0, 135.296285]], rtol=1e-6
    )
    assert np.sqrt(np.mean(scaled**2)) == pytest.approx(50, rel=1e-6)


def test_a_tile_loses_mean_and_deviation():
    tile = tf.constant([[0.0, 1.0], [2.0, 3.0]])[tf.newaxis, ..., tf.newaxis]

    np.testing.assert_allclose(
        PatchNormalization()(tile)[0, ..., 0],
        [[-1.34164079, -0.4472136], [0.4472136, 1.34164079]],
        rtol=1e-6,
    )


def test_brightness_and_contrast_of_a_patch_make_no_difference():
    patches = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    layer = PatchNormalization(50.0)

    normal = layer(patches).numpy()

    np.testing.assert_allclose(normal.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(np.sqrt((normal**2).mean(axis=(1, 2, 3))), 50, rtol=1e-5)
    np.testing.assert_allclose(layer(0.3 * patches + [0.1, 0.2, 0.3]), normal, atol=1e-2)
    # Each by itself.
    np.testing.assert_allclose(layer(patches[2:3]), normal[2:3], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.3, 1 / 3, 0.999])
def test_an_even_patch_becomes_zero(value):
    even = tf.fill([1, 64, 64, 3], value)

    np.testing.assert_allclose(PatchNormalization()(even), 0, atol=1e-6)


def test_the_trunk_sees_normalised_images():
    def encoder(shape, name):
        image = keras.Input(shape)
        return keras.Model(image, keras.layers.AveragePooling2D(1)(image), name=name)

    trunk = normalised_trunk(encoder, (4, 4, 1), 2.0)
    image = np.random.default_rng(0).random((2, 4, 4, 1), np.float32)

    assert trunk.name == "encoder"
    np.testing.assert_allclose(trunk(image), PatchNormalization(2.0)(image))
