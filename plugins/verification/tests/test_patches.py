"""Tests of sslkeras_verification.patches."""

import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.patches import (
    cut,
    cut_channels,
    cut_resized,
    draw_below,
    require_images,
)

from sslkeras.datasets import ArraySplit
from sslkeras.errors import DataError

SEED = tf.constant([3, 4])


def noise(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def test_rectangles_are_the_pixels_at_their_corners():
    images = noise(2, 9, 11, 3)
    corners = np.array([[[0, 0], [5, 7], [2, 1]], [[4, 3], [1, 6], [5, 0]]])

    rectangles = cut(images, corners, 4, 3)

    assert rectangles.shape == (2, 3, 4, 3, 3)
    for example in range(2):
        for patch, (row, column) in enumerate(corners[example]):
            np.testing.assert_array_equal(
                rectangles[example, patch], images[example, row : row + 4, column : column + 3]
            )


def test_each_channel_is_cut_at_its_own_corner():
    images = noise(2, 9, 11, 3)
    corners = np.random.default_rng(1).integers(0, 5, (2, 4, 3, 2))

    squares = cut_channels(images, corners, 5)

    for example, patch, channel in np.ndindex(2, 4, 3):
        row, column = corners[example, patch, channel]
        np.testing.assert_array_equal(
            squares[example, patch, ..., channel],
            images[example, row : row + 5, column : column + 5, channel],
        )


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((20, 31), [(40, 62), (51, 80)]),
        ((60, 45), [(30, 22), (41, 31)]),
        ((30, 30), [(30, 30)] * 2),
    ],
    ids=["larger", "smaller", "as they are"],
)
def test_squares_of_resized_images_are_those_of_tf_image_resize(shape, sizes):
    images = noise(2, *shape, 3)
    side = 9
    corners = np.array(
        [[[0, 0], [height - side, width - side], [6, 11]] for height, width in sizes], np.int32
    )

    squares = cut_resized(
        images, tf.constant(sizes), tf.constant(corners), side, np.min(sizes, axis=0)
    )

    for example, size in enumerate(sizes):
        whole = tf.image.resize(images[example], size, antialias=True)
        for patch, (row, column) in enumerate(corners[example]):
            np.testing.assert_allclose(
                squares[example, patch],
                whole[row : row + side, column : column + side],
                atol=2e-5,
            )


def test_draws_are_uniform_below_their_limits():
    limits = tf.repeat([[1, 2, 5]], 6000, axis=0)

    drawn = draw_below(limits, SEED).numpy()

    for column, limit in enumerate((1, 2, 5)):
        share = np.bincount(drawn[:, column], minlength=limit) / 6000
        assert len(share) == limit
        np.testing.assert_allclose(share, 1 / limit, atol=3 * (0.25 / 6000) ** 0.5)


def test_images_of_unknown_size_or_odd_channels_are_refused():
    class Unknown:
        features = {"image": tf.TensorSpec((None, 5, 3))}

    with pytest.raises(DataError, match="one size"):
        require_images("Task", Unknown(), colour_steps=False)
    four = ArraySplit({"image": np.zeros((1, 5, 5, 4), np.uint8)})
    with pytest.raises(DataError, match="1 or 3 channels"):
        require_images("Task", four, colour_steps=True)
    require_images("Task", four, colour_steps=False)
