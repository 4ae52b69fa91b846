"""Tests of sslkeras_verification.colour_guards."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.colour_guards import PROJECTION, drop_channels, project

SEED = tf.constant([3, 4])


def test_the_projection_is_the_published_one():
    third, sixth = 1 / 3, 1 / 6
    expected = [[5 * sixth, third, -sixth], [third, third, third], [-sixth, third, 5 * sixth]]

    np.testing.assert_allclose(PROJECTION, expected, rtol=1e-12)
    np.testing.assert_allclose(PROJECTION @ PROJECTION, PROJECTION, atol=1e-12)


@pytest.mark.parametrize(
    ("colour", "projected"),
    [
        ((0, 255, 0), (85, 85, 85)),
        ((255, 0, 255), (170, 170, 170)),
        ((10, 200, 90), (60, 100, 140)),
        ((100, 150, 200), (100, 150, 200)),
        ((77, 77, 77), (77, 77, 77)),
    ],
)
def test_colours_lose_their_part_along_green_against_magenta(colour, projected):
    result = project(tf.constant([[colour]], tf.float32))[0, 0]

    np.testing.assert_allclose(result, projected, atol=1e-4)
    assert np.dot(result, (-1, 2, -1)) == pytest.approx(0, abs=1e-4)


def test_one_channel_of_each_patch_is_kept_and_two_become_faint_noise():
    patches = np.random.default_rng(0).random((600, 16, 16, 3), np.float32)

    dropped = drop_channels(patches, SEED).numpy()

    kept = (dropped == patches).all(axis=(1, 2))
    np.testing.assert_array_equal(kept.sum(axis=1), 1)
    # Three deviations about a third.
    np.testing.assert_allclose(kept.mean(axis=0), 1 / 3, atol=3 * (2 / 9 / 600) ** 0.5)
    for patch, one, old in zip(dropped[:50], kept, patches):
        channel = old[..., one].std()
        noise = patch[..., ~one]
        assert noise.std() == pytest.approx(0.01 * channel, rel=0.15)
        assert noise.mean() == pytest.approx(old[..., one].mean(), abs=3e-3 * channel)
        # The two are drawn apart from each other.
        assert abs(np.corrcoef(noise.reshape(-1, 2).T)[0, 1]) < 0.3
