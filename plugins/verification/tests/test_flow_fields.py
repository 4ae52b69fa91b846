"""Tests of sslkeras_verification.flow_fields."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.flow_fields import in_groups, mirror, negate, without_camera


def test_reversed_translations_are_negated_in_reverse_order():
    means = np.array([[1, 0], [2, -1], [3, 0.5]], np.float32)
    fields = means[np.newaxis, :, np.newaxis, np.newaxis] * np.ones((1, 3, 4, 5, 1), np.float32)

    reversed_means = tf.reduce_mean(negate(tf.constant(fields)), axis=(2, 3))[0]

    np.testing.assert_allclose(reversed_means, [[-3, -0.5], [-2, 1], [-1, 0]])
    np.testing.assert_array_equal(negate(negate(fields)), fields)


def test_only_u_of_mirrored_clips_is_negated():
    row = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    fields = np.stack([row, row])[:, np.newaxis, np.newaxis]

    # What was seen in the mirror: columns the other way round, then u negated.
    mirrored = mirror(tf.constant(fields[:, :, :, ::-1]), tf.constant([True, False]))

    np.testing.assert_array_equal(mirrored[0, 0, 0], [[-5, 6], [-3, 4], [-1, 2]])
    np.testing.assert_array_equal(mirrored[1, 0, 0], [[5, 6], [3, 4], [1, 2]])


def test_channels_of_a_group_are_u_and_v_of_one_field_after_the_other():
    # u of the field number k is k, v is 100 + k.
    fields = np.stack([np.arange(6), 100 + np.arange(6)], axis=-1)[np.newaxis, :, None, None]

    groups = in_groups(tf.constant(fields, tf.float32), 2)

    assert groups.shape == (1, 2, 1, 1, 6)
    assert groups[0, 0, 0, 0].numpy().tolist() == [0, 100, 1, 101, 2, 102]
    assert groups[0, 1, 0, 0].numpy().tolist() == [3, 103, 4, 104, 5, 105]


@pytest.mark.parametrize("size", [(5, 6), (40, 50)])
def test_a_constant_that_is_added_to_a_field_does_not_survive_the_median(size):
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(2, 3, *size, 2)).astype(np.float32)
    pan = rng.normal(size=(2, 3, 1, 1, 2)).astype(np.float32)

    still = without_camera(tf.constant(fields), "median")

    np.testing.assert_allclose(without_camera(fields + pan, "median"), still, atol=1e-5)
    if size == (5, 6):  # Small enough for all pixels to count.
        expected = fields - np.median(fields, axis=(2, 3), keepdims=True)
        np.testing.assert_allclose(still, expected, atol=1e-6)


def test_the_median_is_that_of_the_visible_pixels():
    fields = np.zeros((2, 1, 4, 6, 2), np.float32)
    fields[:, :, :, 4:] = (2, -1)
    visible = np.zeros((2, 4, 6), bool)
    visible[0, :, 3:] = (
        True  # Two of three columns move by (2, -1); nothing is visible of the other.
    )

    still = without_camera(tf.constant(fields), "median", tf.constant(visible)).numpy()

    np.testing.assert_array_equal(still[0, 0, 0, :, 0], [-2, -2, -2, -2, 0, 0])
    np.testing.assert_array_equal(still[1], fields[1])


def test_the_affine_fit_takes_out_zooms_and_keeps_what_moves_by_itself():
    rows, columns = np.mgrid[:40, :48].astype(np.float32)
    zoom = np.stack([0.05 * (columns - 20) + 1, 0.05 * (rows - 10) - 0.02 * columns], axis=-1)
    moving = np.zeros((40, 48, 2), np.float32)
    moving[5:13, 30:40] = (3, 3)  # 4 % of the picture.
    fields = (zoom + moving)[np.newaxis, np.newaxis]

    found = without_camera(tf.constant(fields), "affine").numpy()[0, 0]

    assert np.abs(found - moving).max() < 0.1
    assert np.abs(without_camera(tf.constant(fields), "median").numpy()[0, 0] - moving).max() > 0.5


def test_nothing_is_taken_out_unless_asked():
    fields = tf.random.stateless_normal([1, 2, 3, 3, 2], [0, 1])

    np.testing.assert_array_equal(without_camera(fields, "none"), fields)
