"""Tests of sslkeras_contrastive.views."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_contrastive.views import AUGMENTATIONS, random_view

SEED = tf.constant([3, 4])


def views(images, augmentation, size=12, min_area=1.0, flip_probability=0.0):
    return random_view(
        images,
        SEED,
        augmentation=augmentation,
        size=size,
        min_area=min_area,
        flip_probability=flip_probability,
    ).numpy()


def flat(colour, count=4000, side=12):
    return tf.tile(tf.constant(colour)[tf.newaxis, tf.newaxis, tf.newaxis], [count, side, side, 1])


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_views_have_the_size_asked_for_and_the_channels_of_the_image(augmentation, channels):
    images = tf.random.stateless_uniform([5, 20, 16, channels], SEED)

    changed = views(images, augmentation, min_area=0.2, flip_probability=0.5)

    assert changed.shape == (5, 12, 12, channels)
    assert changed.min() >= 0 and changed.max() <= 1


@pytest.mark.parametrize(("augmentation", "hue", "jittered"), [("v1", 0.4, 1.0), ("v2", 0.1, 0.8)])
def test_a_fifth_is_gray_and_hues_move_as_far_as_published(augmentation, hue, jittered):
    # Dark red: no channel is clipped to white, so that the hue stays visible.
    changed = views(flat([0.4, 0.2, 0.2]), augmentation)[:, 6, 6]
    gray = np.ptp(changed, axis=1) < 1e-6
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in changed[~gray].astype(float)])
    hues = np.where(hues > 0.5, hues - 1, hues)

    # A contrast of 0.6 keeps colour; gray are only those drawn so.
    assert 0.18 < gray.mean() < 0.22
    assert 0.95 * hue < np.abs(hues).max() < hue + 1e-3
    assert abs(np.mean(np.abs(hues) > 1e-3) - jittered) < 0.03


def test_only_v2_blurs_and_in_proportion_to_the_size():
    # A gray step, which jitter only scales; blurred, its two sides are joined.
    image = np.full([400, 224, 224, 1], 0.3, np.float32)
    image[:, :, 112:] = 0.6

    def joined(augmentation, side):
        small = tf.image.resize(
            image[:, :, 112 - side // 2 : 112 + side // 2][:, :side], [side] * 2
        )
        changed = views(small, augmentation, size=side)
        row = changed[:, side // 2, :, 0]
        return np.mean(np.abs(row[:, side // 2] - row[:, -1]) > 1e-4)

    assert joined("v1", 112) == 0
    # Of widths from 0.05 to 1 pixel, those above 0.28 leave a trace of more than 1e-4.
    assert 0.3 < joined("v2", 112) < 0.5
    assert joined("v2", 12) == 0  # 0.005 to 0.1 pixels


def test_crops_and_flips_follow_their_arguments():
    ramp = tf.tile(
        tf.linspace(0.0, 1.0, 12)[tf.newaxis, tf.newaxis, :, tf.newaxis], [500, 12, 1, 1]
    )

    def rising(**arguments):
        changed = views(ramp, "v1", **arguments)
        return np.mean(changed[:, 6, -1, 0] > changed[:, 6, 0, 0])

    assert rising() == 1.0
    assert rising(flip_probability=1.0) == 0.0
    assert 0.4 < rising(flip_probability=0.5, min_area=0.5) < 0.6
