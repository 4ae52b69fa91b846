"""Tests of sslkeras.augmentation.solarise."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.solarise import random_solarise, solarise
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])


def test_bright_values_are_inverted():
    images = tf.constant([0.0, 0.4, 0.5, 0.75, 1.0])

    np.testing.assert_allclose(solarise(images), [0.0, 0.4, 0.5, 0.25, 0.0])
    np.testing.assert_allclose(solarise(images, 0.8), [0.0, 0.4, 0.5, 0.75, 0.0])


def test_a_share_of_the_images_is_solarised():
    images = tf.random.stateless_uniform([2000, 2, 2, 3], SEED).numpy()

    changed = random_solarise(images, SEED, probability=0.2).numpy()
    same = np.all(changed == images, axis=(1, 2, 3))

    # One image in 4096 has no bright value.
    assert 0.77 < same.mean() < 0.83
    np.testing.assert_array_equal(changed[~same], solarise(images).numpy()[~same])


def test_thresholds_above_one_are_refused():
    with pytest.raises(ConfigurationError, match="`threshold` of solarise must be a number"):
        random_solarise(tf.zeros([1, 2, 2, 1]), SEED, threshold=1.5)
