"""Tests of sslkeras_multiview.planar_arms."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_multiview.planar_arms import (
    LIMIT,
    PlanarArms,
    attributes_of,
    forward_kinematics,
    render,
)

from sslkeras.datasets.two_cameras import backgrounds


@pytest.fixture(scope="module")
def data():
    return PlanarArms(num_others=3, num_robots=2, num_test=2, size=40, num_frames=8)


def whole(split):
    return {k: v.numpy() for k, v in next(iter(split.batches(split.size))).items()}


def test_forward_kinematics():
    joints = tf.constant([np.pi / 6 - np.pi / 2, np.pi / 3])

    places = forward_kinematics(joints, tf.constant([0.5, 0.4]), base=(0.0, 0.0))

    np.testing.assert_allclose(places, [[0, 0], [0.4330127, 0.25], [0.4330127, 0.65]], atol=1e-6)


def test_an_arm_at_rest_stands_upright_on_its_base():
    places = forward_kinematics(tf.zeros([2]), tf.constant([0.4, 0.3]))

    np.testing.assert_allclose(places, [[0, -0.3], [0, 0.1], [0, 0.4]], atol=1e-6)


def test_pixels_on_the_links_have_the_colour_of_the_arm():
    colours = tf.constant([[1.0, 0.0, 0.0]])

    frames = render(
        tf.zeros([1, 1, 2]), tf.constant([[0.4, 0.3]]), tf.constant([0.08]), colours, 40
    )

    first = frames.numpy()[0, 0, 0]
    red = (first[..., 0] > 0.65).nonzero()  # Backgrounds have less than 0.4.
    # From y = -0.3 to 0.4 and the ends' half-widths, around x = 0.
    np.testing.assert_allclose([red[0].min(), red[0].max()], [20 * 0.6, 20 * 1.3], atol=2.5)
    np.testing.assert_allclose([red[1].min(), red[1].max()], [20 * 0.92, 20 * 1.08], atol=1.5)
    np.testing.assert_allclose(first[:, :10], backgrounds(40)[0][:, :10], atol=1e-3)


def test_only_the_robot_knows_its_joints(data):
    train, test = whole(data.train), whole(data.test)
    robots = whole(PlanarArms(num_test=2, test_agent="robot", num_frames=8, size=40).test)

    np.testing.assert_array_equal(train["joints_known"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(test["joints_known"], [0, 0])
    np.testing.assert_array_equal(robots["joints_known"], [1, 1])


def test_joints_move_within_their_limits(data):
    joints = whole(PlanarArms(num_robots=200, size=8).train)["joints"]

    assert np.abs(joints).max() == pytest.approx(LIMIT)
    assert 0.4 < joints.std() < 1.2
    # Smooth: the mean change of a frame is small beside the range.
    assert np.abs(np.diff(joints, axis=1)).mean() < 0.15


def test_attributes_say_where_the_joints_and_the_hand_are():
    third = 2 * LIMIT / 3
    joints = tf.constant(
        # Bent to the right as far as it goes, upright, a little and then far to the left.
        [[-LIMIT, -LIMIT], [0.0, -0.01], [0.51 * third, LIMIT], [-LIMIT, LIMIT]]
    )

    found = attributes_of(joints, tf.constant([0.4, 0.4]))

    np.testing.assert_array_equal(found, [[0, 0, 1], [1, 1, 1], [2, 2, 0], [0, 2, 1]])


def test_attributes_are_those_of_the_arm_that_is_filmed(data):
    test = whole(data.test)

    expected = attributes_of(test["joints"], tf.constant([0.45, 0.40]))  # The demonstrator's.

    assert test["attributes"].dtype == np.int32
    np.testing.assert_array_equal(test["attributes"], expected)
    assert np.ptp(whole(PlanarArms(size=8).test)["attributes"], axis=(0, 1)).tolist() == [2, 2, 1]


def test_the_robot_changes_its_colour_unless_told_otherwise():
    def mean_colours(**arguments):
        views = whole(PlanarArms(num_others=0, num_robots=6, num_frames=4, **arguments).train)
        return views["views"][:, 0].astype(float).mean(axis=(1, 2, 3))

    assert (
        mean_colours().std(axis=0).max()
        > 2 * mean_colours(random_robot_colour=False).std(axis=0).max()
    )


def test_features_have_the_shapes_that_the_split_tells(data):
    for split in (data.train, data.test):
        batch = whole(split)
        for name, spec in split.features.items():
            assert batch[name].shape == (split.size, *spec.shape)
            assert batch[name].dtype == spec.dtype.as_numpy_dtype


def test_sequences_do_not_depend_on_how_many_follow(data):
    longer = whole(PlanarArms(num_others=3, num_robots=4, num_frames=8, size=40).train)

    np.testing.assert_array_equal(longer["joints"][:5], whole(data.train)["joints"])
