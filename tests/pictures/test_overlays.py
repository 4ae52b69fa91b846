"""Tests of sslkeras.pictures.overlays."""

import numpy as np

from sslkeras.pictures.overlays import (
    OBJECTS,
    flow_colours,
    flow_wheel,
    with_map,
    with_masks,
    with_outline,
    with_points,
)


def test_each_object_has_a_colour_and_the_background_stays():
    image = np.full((2, 2, 1), 0.5, np.float32)

    drawn = with_masks(image, np.array([[0, 1], [2, 0]]), opacity=0.6)

    np.testing.assert_allclose(drawn[0, 0], 0.5)
    np.testing.assert_allclose(drawn[0, 1], 0.2 + 0.6 * np.array(OBJECTS[0]), atol=1e-6)
    np.testing.assert_allclose(drawn[1, 0], 0.2 + 0.6 * np.array(OBJECTS[1]), atol=1e-6)


def test_points_lie_at_their_row_and_column():
    drawn = with_points(np.zeros((5, 9, 1)), [[1.2, 6.9], [np.nan, 0.0], [-9.0, 3.0]])

    assert np.argwhere(drawn.any(axis=-1)).tolist() == [[1, 7]]


def test_a_map_is_laid_over_the_grey_image():
    image = np.zeros((1, 2, 3), np.float32)
    image[..., 0] = 0.9  # Grey of 0.3.

    drawn = with_map(image, np.array([[0.0, 1.0]]), opacity=0.5)

    assert drawn[0, 1].sum() > drawn[0, 0].sum() + 0.5
    # Inferno begins almost black.
    np.testing.assert_allclose(drawn[0, 0], 0.15, atol=0.01)


def test_the_outline_is_the_border_of_the_mask():
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:5] = True

    drawn = with_outline(np.zeros((6, 6, 1)), mask)

    painted = drawn.any(axis=-1)
    assert painted.sum() == 12 and not painted[2:4, 2:4].any() and not painted[0].any()


def test_motion_has_a_hue_and_stillness_is_white():
    flow = np.array([[[0, 0], [2, 0], [0, 2], [-2, 0], [1, 0]]], np.float32)

    colours = flow_colours(flow, 2.0)[0]

    np.testing.assert_allclose(colours[0], [1, 1, 1])
    np.testing.assert_allclose(colours[1], [1, 0, 0], atol=1e-6)  # Right is red.
    np.testing.assert_allclose(colours[2], [0.5, 1, 0], atol=1e-6)  # Down is a quarter turn on.
    np.testing.assert_allclose(colours[3], [0, 1, 1], atol=1e-6)  # Left is its complement.
    np.testing.assert_allclose(colours[4], [1, 0.5, 0.5], atol=1e-6)  # Half as long is paler.


def test_the_wheel_shows_the_colour_of_each_direction():
    wheel = flow_wheel(65)

    np.testing.assert_allclose(wheel[32, 64], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(wheel[64, 32], [0.5, 1, 0], atol=1e-6)
    np.testing.assert_allclose(wheel[0, 0], 1.0)
