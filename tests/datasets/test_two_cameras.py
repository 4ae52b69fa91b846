"""Tests of sslkeras.datasets.two_cameras."""

import numpy as np

from sslkeras.datasets.two_cameras import SHIFTS, backgrounds, sinusoids, world_places


def test_the_first_camera_sees_the_world_as_it_is():
    places = world_places(4)[0]

    np.testing.assert_allclose(places[0, 0], [-0.75, 0.75])  # Top left.
    np.testing.assert_allclose(places[3, 2], [0.25, -0.75])


def test_the_second_camera_sees_it_smaller_turned_and_shifted():
    size = 201
    places = world_places(size)[1].reshape(-1, 2)

    for point in ((0.0, 0.0), (0.5, 0.2)):
        row, column = divmod(np.abs(places - point).sum(axis=1).argmin(), size)
        seen = np.array([(column + 0.5) / size * 2 - 1, 1 - (row + 0.5) / size * 2])
        turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
        np.testing.assert_allclose(seen, 0.75 * turn @ point + SHIFTS[1], atol=0.02)


def test_backgrounds_differ_between_cameras_and_leave_room_for_ink():
    first, second = backgrounds(16)

    assert np.abs(first - second).mean() > 0.05
    assert 0 <= min(first.min(), second.min()) and max(first.max(), second.max()) < 0.6


def test_sinusoids_have_whole_periods():
    draws = np.array([[1.0, 0.0, 0.25, 0.0], [0.0, 1.0, 0.0, 0.0]])

    motion = sinusoids(draws, 4, 2, swing=3.0)

    np.testing.assert_allclose(motion[0], 3 * np.array([1, 0, -1, 0]), atol=1e-9)
    np.testing.assert_allclose(motion[1], 3 * np.array([0, 0, 0, 0]), atol=1e-9)
    assert sinusoids(np.zeros((5, 2, 4)), 7, 2, 1.0).shape == (5, 7, 2)
