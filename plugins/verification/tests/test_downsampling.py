"""Tests of sslkeras_verification.downsampling."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.downsampling import downsample_some

SEED = tf.constant([3, 4])


def noise(count, side):
    return np.random.default_rng(0).random((count, side, side, 3), np.float32)


def test_a_share_of_the_patches_is_made_coarse():
    patches = noise(1000, 12)

    coarse = downsample_some(patches, SEED, probability=0.33, min_pixels=9).numpy()

    same = np.abs(coarse - patches).max(axis=(1, 2, 3)) < 1e-6
    assert np.mean(~same) == pytest.approx(0.33, abs=3 * (0.33 * 0.67 / 1000) ** 0.5)
    assert coarse[~same].std() < 0.8 * patches[~same].std()


def test_patches_are_resized_there_and_back():
    patches = noise(40, 12)

    coarse = downsample_some(patches, SEED, probability=1.0, min_pixels=9).numpy()

    # Sides 3 to 11; each patch is one of these.
    ways = np.stack(
        [
            tf.image.resize(tf.image.resize(patches, (side, side), antialias=True), (12, 12))
            for side in range(3, 12)
        ]
    )
    off = np.abs(ways - coarse).max(axis=(2, 3, 4))  # (sides, patches)
    assert off.min(axis=0).max() < 1e-5
    assert len(set(off.argmin(axis=0))) > 4


def test_the_number_of_pixels_is_uniform_and_not_the_side():
    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32)[:, None, None], (4000, 1, 32, 1))

    coarse = downsample_some(ramp, SEED, probability=1.0, min_pixels=4).numpy()

    # The first value tells the side.
    sides = np.arange(2, 32)
    first = [
        tf.image.resize(ramp[0], (side, side), antialias=True)[0, 0, 0].numpy() for side in sides
    ]
    distance = np.abs(coarse[:, :1, 0, 0] - np.array(first))
    assert distance.min(axis=1).max() < 1e-6
    pixels = sides[distance.argmin(axis=1)] ** 2
    assert pixels.mean() == pytest.approx((4 + 31**2) / 2, rel=0.05)


def test_no_patch_is_touched_where_none_is_chosen():
    patches = tf.constant(noise(3, 12))

    assert downsample_some(patches, SEED, probability=0.0, min_pixels=9) is patches
