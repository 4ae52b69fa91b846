"""Tests of sslkeras_verification.jigsaw."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.jigsaw import Jigsaw, as_picture, resize_short_side

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([2, 7])
PLAIN = {"short_side": None, "channel_jitter": 0, "gray_prob": 0.0}
SMALL = {**PLAIN, "window": 42, "cell": 14, "tile": 11, "fc6_units": 16, "fc7_units": 32}


def map_of_places(size, channels=2, images=1):
    """Images whose pixels hold their row and column, and row times column in a third channel."""
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    image = np.stack([rows, columns, rows * columns][:channels], axis=-1)
    return np.repeat(image[np.newaxis].astype(np.float32), images, axis=0)


def built(task, size=42, channels=1):
    data = sslkeras.datasets.as_dataset(
        ArraySplit({"image": np.zeros((4, size, size, channels), np.uint8)})
    )
    inputs = task.examples(data.train, batch_size=2).element_spec[0]
    trunk = "convnet(filters=(4, 8), strides=(2, 2), batch_norm=False)"
    return task.build_model(inputs, sslkeras.encoders.create(trunk), data)


def test_slots_show_the_cells_that_the_permutation_names():
    task = Jigsaw(**SMALL, num_permutations=50)

    tiles, label = task.pretext({"image": map_of_places(42, images=200)}, SEED)

    assert tiles.shape == (200, 9, 11, 11, 2)
    row, column = np.moveaxis(tiles.numpy()[:, :, 0, 0], -1, 0)
    cell = (row // 14 * 3 + column // 14).astype(int)
    np.testing.assert_array_equal(cell, task.permutation_set[label])
    # Whole tiles, at places of their own that are all used.
    np.testing.assert_array_equal(tiles[:, :, -1, -1] - tiles[:, :, 0, 0], 10)
    for place in (row % 14, column % 14):
        np.testing.assert_array_equal(np.unique(place), [0, 1, 2, 3])
        assert np.mean(place == place[:, :1]) < 0.5


def test_the_permutation_of_the_lecture():
    lecture = [9, 4, 6, 8, 3, 2, 5, 1, 7]
    task = Jigsaw(
        **{**SMALL, "tile": 14},
        permutation_mode="custom",
        permutations=(tuple(lecture), tuple(range(1, 10))),
    )
    names = np.array(list("ABCDEFGHI"))

    tiles, label = task.pretext({"image": map_of_places(42, images=20)}, SEED)

    row, column = np.moveaxis(tiles.numpy()[:, :, 0, 0], -1, 0)
    shown = names[(row // 14 * 3 + column // 14).astype(int)]
    assert "".join(shown[list(label).index(0)]) == "IDFHCBEAG"
    assert "".join(shown[list(label).index(1)]) == "ABCDEFGHI"
    np.testing.assert_array_equal(np.argsort(lecture) + 1, [8, 6, 5, 2, 7, 3, 9, 4, 1])


def test_the_inverse_puts_each_puzzle_together():
    task = Jigsaw(**{**SMALL, "tile": 14}, num_permutations=30)
    image = map_of_places(42, images=60)

    tiles, label = task.pretext({"image": image}, SEED)

    order = np.argsort(task.permutation_set[label], axis=1)
    restored = np.take_along_axis(tiles.numpy(), order[:, :, None, None, None], axis=1)
    picture = restored.reshape(60, 3, 3, 14, 14, 2).transpose(0, 1, 3, 2, 4, 5)
    np.testing.assert_array_equal(picture.reshape(image.shape), image)


def test_labels_are_uniform_and_another_seed_draws_others():
    task = Jigsaw(**SMALL, num_permutations=10)
    batch = {"image": map_of_places(42, images=4000)[..., :1]}

    label = task.pretext(batch, SEED)[1].numpy()

    share = np.bincount(label, minlength=10) / 4000
    np.testing.assert_allclose(share, 0.1, atol=4 * math.sqrt(0.09 / 4000))
    assert (task.pretext(batch, SEED + 1)[1].numpy() != label).any()


def test_the_window_lies_anywhere():
    task = Jigsaw(**{**SMALL, "tile": 14}, num_permutations=2)

    tiles, label = task.pretext({"image": map_of_places(46, images=400)}, SEED)

    first = np.take_along_axis(
        tiles.numpy()[:, :, 0, 0], np.argsort(task.permutation_set[label])[:, :1, None], axis=1
    )[:, 0]
    assert {tuple(corner) for corner in first.astype(int)} == {
        (row, column) for row in range(5) for column in range(5)
    }


def test_of_long_images_the_middle_is_used():
    task = Jigsaw(**SMALL, num_permutations=2)
    image = np.repeat(np.arange(62, dtype=np.float32)[np.newaxis, :], 42, axis=0)

    tiles, _ = task.pretext({"image": np.tile(image[None, ..., None], (100, 1, 1, 1))}, SEED)

    assert tiles.numpy().min() >= 10 and tiles.numpy().max() <= 51


def test_channels_of_colour_puzzles_are_shifted_and_those_of_gray_ones_are_not():
    image = map_of_places(60, channels=3, images=100)
    image = np.repeat(image[..., :1], 3, axis=-1)  # Each channel holds the row.
    sizes = {"window": 60, "cell": 20, "tile": 10, "short_side": None}

    def shifts(gray_prob):
        task = Jigsaw(**sizes, num_permutations=4, channel_jitter=2, gray_prob=gray_prob)
        tiles = task.pretext({"image": image}, SEED)[0].numpy()
        return tiles[:, :, 0, 0, 1:] - tiles[:, :, 0, 0, :1]

    # Differences of two shifts of -2 to 2; each tile has its own.
    assert set(np.unique(shifts(0.0))) == set(range(-4, 5))
    np.testing.assert_allclose(shifts(1.0), 0, atol=1e-4)


def test_whole_puzzles_are_gray():
    image = np.random.default_rng(0).random((300, 42, 42, 3)).astype(np.float32)
    task = Jigsaw(**{**SMALL, "gray_prob": 0.3}, num_permutations=4)

    tiles = task.pretext({"image": image}, SEED)[0].numpy()

    gray = np.ptp(tiles, axis=-1).max(axis=(2, 3)) < 1e-6  # (puzzles, tiles)
    assert (gray.all(axis=1) | ~gray.any(axis=1)).all()
    np.testing.assert_allclose(gray[:, 0].mean(), 0.3, atol=4 * math.sqrt(0.21 / 300))


def test_short_sides_are_resized_and_the_ratio_kept():
    images = tf.random.stateless_uniform([2, 30, 45, 1], SEED)

    resized = resize_short_side(images, 20)

    assert resized.shape == (2, 20, 30, 1)
    np.testing.assert_array_equal(resized, tf.image.resize(images, (20, 30), antialias=True))
    assert resize_short_side(images, None) is images


def test_no_tile_sees_another_before_they_meet():
    model = built(Jigsaw(**SMALL, num_permutations=4, dropout=0.0))
    fc6 = keras.Model(model.input, model.get_layer("fc6_relu").output)
    tiles = tf.Variable(tf.random.stateless_uniform([1, 9, 11, 11, 1], SEED))

    with tf.GradientTape() as tape:
        third = tf.reduce_sum(fc6(tiles)[:, 2])
    gradient = np.abs(tf.convert_to_tensor(tape.gradient(third, tiles))).max(axis=(2, 3, 4))[0]

    assert gradient[2] > 0
    np.testing.assert_array_equal(np.delete(gradient, 2), 0)


def test_the_encoder_takes_no_notice_of_brightness_and_contrast():
    encoder = built(Jigsaw(**SMALL, num_permutations=4)).get_layer("encoder")
    tiles = np.random.default_rng(1).random((3, 11, 11, 1)).astype(np.float32)

    np.testing.assert_allclose(encoder(tiles), encoder(0.5 * tiles + 0.3), atol=1e-4)


def test_zero_logits_cost_the_logarithm_of_the_classes():
    for classes, expected in ((100, 4.60517019), (24, 3.17805383)):
        loss = Jigsaw(**SMALL, num_permutations=classes).loss()
        assert float(loss([3], tf.zeros([1, classes]))) == pytest.approx(expected, rel=1e-6)


def test_tiles_make_a_picture_row_by_row():
    tiles = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1, 1) * np.ones((1, 4, 2, 2, 1))

    picture = as_picture(tf.constant(tiles, tf.float32), 2).numpy()[0, ..., 0]

    assert picture.shape == (5, 5)
    np.testing.assert_array_equal(picture[[0, 0, 4, 4], [0, 4, 0, 4]], [0, 1, 2, 3])
    np.testing.assert_array_equal(picture[2], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": 86}, "`grid` times `cell` of Jigsaw must be at most `window`"),
        ({"tile": 83}, "`tile` of Jigsaw with `channel_jitter` on both sides"),
        ({"short_side": 200}, "`short_side` of Jigsaw must be at least `window`"),
        ({"min_distance": 10}, "`min_distance` of Jigsaw must be at most the number of tiles, 9"),
        ({"grid": 2, "num_permutations": 25}, "`num_permutations` of Jigsaw must be at most 24"),
        ({"permutation_mode": "custom"}, "with permutation_mode='custom', and only then"),
        ({"permutations": ((0, 1), (1, 0))}, "with permutation_mode='custom', and only then"),
        ({"grid": 1}, "`grid` of Jigsaw"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Jigsaw(**arguments)


def test_small_images_and_many_channels_are_refused():
    with pytest.raises(DataError, match="needs 'image' of at least 42 x 42 x 1"):
        Jigsaw(**SMALL).check(ArraySplit({"image": np.zeros((2, 41, 50, 1), np.uint8)}))
    with pytest.raises(DataError, match="changes colours, which needs images of 1 or 3 channels"):
        Jigsaw().check(ArraySplit({"image": np.zeros((2, 300, 300, 2), np.uint8)}))


def test_the_papers_network_takes_a_step():
    images = np.random.default_rng(0).integers(0, 255, (2, 80, 120, 3), dtype=np.uint8)
    data = sslkeras.datasets.as_dataset(ArraySplit({"image": images}))

    run = sslkeras.pretrain(
        Jigsaw(num_permutations=1000),
        data,
        "alexnet(stride=2)",
        steps=1,
        batch_size=2,
        optimizer="sgd",
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("fc7").kernel.shape == (9 * 512, 4096)
    assert run.model.output_shape == (None, 1000)
    assert run.model.count_params() == pytest.approx(27.5e6, rel=0.01)  # As in the paper.


def test_learns_to_solve_puzzles_and_needs_each_slot_in_its_place():
    task = Jigsaw(**{**SMALL, "fc6_units": 48, "fc7_units": 128}, num_permutations=12, dropout=0.0)
    run = sslkeras.pretrain(
        task,
        "digits(size=42)",
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=150,
        batch_size=64,
        learning_rate=2e-3,
    )

    assert run.surrogate_metrics()["accuracy"] > 0.85  # Chance is 0.083.

    inputs, label = next(iter(task.examples(run.data.test, batch_size=256)))
    shuffled = tf.gather(inputs, [4, 7, 1, 0, 8, 5, 2, 3, 6], axis=1)
    answers = tf.argmax(run.model(shuffled), axis=-1, output_type=tf.int32)
    assert float(tf.reduce_mean(tf.cast(answers == label, tf.float32))) < 0.4
