"""Tests of sslkeras.augmentation.colour_jitter."""

import colorsys
import importlib
import itertools

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.augmentation.colour_jitter import adjust_colours, colour_jitter
from sslkeras.errors import ConfigurationError

SEED = tf.constant([3, 4])
LUMA = np.array([0.299, 0.587, 0.114])
ORDERS = list(itertools.permutations(range(4)))


def image_batch(count, side=5, channels=3):
    return tf.random.stateless_uniform([count, side, side, channels], [1, count])


def one_by_one(image, factors, shift, order):
    """torchvision's adjustments of one image, in float64."""
    image = np.asarray(image, np.float64)
    for operation in order:
        gray = image @ LUMA if image.shape[-1] == 3 else image[..., 0]
        if operation == 3:
            if image.shape[-1] == 3:
                image = turned(image, shift)
            continue
        if operation == 2 and image.shape[-1] == 1:
            continue
        other = (0.0, gray.mean(), gray[..., np.newaxis])[operation]
        image = np.clip(factors[operation] * image + (1 - factors[operation]) * other, 0, 1)
    return image


def turned(image, shift):
    """The image with its hues moved, through the standard library."""
    pixels = []
    for pixel in image.reshape(-1, 3):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        pixels.append(colorsys.hsv_to_rgb((hue + shift) % 1.0, saturation, value))
    return np.reshape(pixels, image.shape)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_changed_by_its_own_factors_in_its_own_order(channels):
    images = image_batch(24, channels=channels)
    factors = tf.random.stateless_uniform([24, 3], SEED, 0.3, 1.7)
    shifts = tf.random.stateless_uniform([24], SEED, -0.5, 0.5)

    changed = adjust_colours(images, factors, shifts, tf.constant(ORDERS))

    for row, order in enumerate(ORDERS):
        expected = one_by_one(images[row], factors[row].numpy(), float(shifts[row]), order)
        np.testing.assert_allclose(changed[row], expected, atol=2e-5)


def test_the_order_matters():
    image = tf.repeat(image_batch(1), 24, axis=0)
    factors = tf.repeat(tf.constant([[1.6, 1.5, 1.6]]), 24, axis=0)

    changed = adjust_colours(image, factors, tf.fill([24], 0.2), tf.constant(ORDERS)).numpy()

    # All 24 differ but those where neighbours commute.
    assert len({image.round(4).tobytes() for image in changed}) > 12


def test_gray_pixels_keep_their_hue_and_primaries_go_round_the_circle():
    image = tf.constant([[[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.3, 0.3, 0.3]]])[tf.newaxis]

    third = adjust_colours(
        image, tf.ones([1, 3]), tf.constant([1 / 3]), tf.constant([[0, 1, 2, 3]])
    )

    expected = [[[0, 1, 0], [0, 0, 1], [1, 0, 0], [0.3, 0.3, 0.3]]]
    np.testing.assert_allclose(third[0], expected, atol=1e-5)


def test_nothing_changes_with_factors_of_one():
    images = image_batch(3)

    same = adjust_colours(images, tf.ones([3, 3]), tf.zeros([3]), tf.constant(ORDERS[5:8]))

    np.testing.assert_array_equal(same, images)


def test_jitter_draws_factors_of_each_image_in_range():
    # Brightness alone: the ratio of dark pixels is the factor, as none is clipped.
    dark = tf.fill([4000, 1, 1, 3], 0.5)

    changed = colour_jitter(dark, SEED, brightness=0.4, contrast=0, saturation=0, hue=0)
    factors = changed.numpy()[:, 0, 0, 0] / 0.5

    shares = np.histogram(factors, bins=4, range=(0.6, 1.4))[0] / 4000
    assert factors.min() >= 0.6 - 1e-6 and factors.max() <= 1.4 + 1e-6
    np.testing.assert_allclose(shares, 0.25, atol=0.03)


def test_strengths_above_one_give_no_negative_factors():
    changed = colour_jitter(image_batch(500, side=1), SEED, brightness=3.0, contrast=0, hue=0)

    assert changed.numpy().min() >= 0 and changed.numpy().max() <= 1


def test_hues_move_by_at_most_the_strength():
    red = tf.tile(tf.constant([[[[1.0, 0.0, 0.0]]]]), [2000, 1, 1, 1])

    changed = colour_jitter(red, SEED, brightness=0, contrast=0, saturation=0, hue=0.1).numpy()
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in changed.reshape(-1, 3)])
    hues = np.where(hues > 0.5, hues - 1, hues)

    assert -0.1 - 1e-5 <= hues.min() < -0.095 and 0.095 < hues.max() <= 0.1 + 1e-5


def test_some_images_stay_as_they_are():
    images = image_batch(2000, side=2)

    changed = colour_jitter(images, SEED, probability=0.8)
    same = np.all(changed.numpy() == images.numpy(), axis=(1, 2, 3))

    assert 0.16 < same.mean() < 0.24


def test_jitter_adjusts_by_what_it_draws_in_all_orders(monkeypatch):
    seen = {}

    def spy(images, factors, shift, order):
        seen.update(factors=factors.numpy(), shift=shift.numpy(), order=order.numpy())
        return images

    # The package's `colour_jitter` is the function, not the module.
    module = importlib.import_module("sslkeras.augmentation.colour_jitter")
    monkeypatch.setattr(module, "adjust_colours", spy)
    colour_jitter(image_batch(2400, side=1), SEED, brightness=0.1, contrast=0.2, saturation=1.5)

    counts = {order: 0 for order in ORDERS}
    for order in seen["order"]:
        counts[tuple(order)] += 1
    assert 60 < min(counts.values()) and max(counts.values()) < 145  # 100, deviation 10
    np.testing.assert_allclose(seen["factors"].min(axis=0), [0.9, 0.8, 0.0], atol=0.01)
    np.testing.assert_allclose(seen["factors"].max(axis=0), [1.1, 1.2, 2.5], atol=0.01)
    np.testing.assert_allclose([seen["shift"].min(), seen["shift"].max()], [-0.1, 0.1], atol=1e-3)
    # What is drawn for one has nothing to do with another.
    together = np.corrcoef(np.column_stack([seen["factors"], seen["shift"]]).T)
    np.testing.assert_allclose(together, np.eye(4), atol=0.08)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_negative_strengths_are_refused(name):
    with pytest.raises(ConfigurationError, match=f"`{name}` of colour_jitter must be a number"):
        colour_jitter(image_batch(1), SEED, **{name: -0.1})


def test_hues_move_by_half_a_circle_at_most():
    with pytest.raises(ConfigurationError, match=r"`hue` of colour_jitter must be .* 0.5"):
        colour_jitter(image_batch(1), SEED, hue=0.6)
