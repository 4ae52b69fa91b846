"""Tests of sslkeras_verification.relative_position."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.relative_position import OFFSETS, RelativePosition, grid_cells

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([3, 4])
AS_THEY_ARE = {
    "min_pixels": None,
    "max_pixels": None,
    "color_mode": "none",
    "downsample_prob": 0.0,
}
SMALL = {
    **AS_THEY_ARE,
    "patch_size": 12,
    "gap": 3,
    "jitter": 1,
    "rms_scale": 1.0,
    "fc6_units": 64,
    "head_units": (64,),
}


def map_of_places(height, width):
    """An image whose pixels hold their row and column."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([rows, columns], axis=-1).astype(np.float32)[np.newaxis]


def test_classes_are_numbered_as_in_the_paper_and_an_exchange_mirrors_them():
    by_offset = {offset: label for label, offset in enumerate(OFFSETS)}

    assert by_offset[-1, -1] == 0
    assert by_offset[0, -1] == 1
    assert by_offset[1, -1] == 2
    assert by_offset[-1, 0] == 3
    assert by_offset[1, 0] == 4
    assert by_offset[-1, 1] == 5
    assert by_offset[0, 1] == 6
    assert by_offset[1, 1] == 7
    assert all(by_offset[-dx, -dy] == 7 - label for (dx, dy), label in by_offset.items())


@pytest.mark.parametrize(
    ("size", "origin", "cells"),
    [(600, 20, 4), (450, 10, 3), (343, 0, 2), (500, 143, 2), (383, 143, 2), (382, 143, 1)],
)
def test_grids_have_as_many_cells_as_fit(size, origin, cells):
    assert grid_cells(size, origin, 96, 48) == cells
    # The last cell lies inside, one more would not.
    assert origin + cells * 144 - 48 <= size < origin + (cells + 1) * 144 - 48


@pytest.mark.parametrize("size", [(600, 450), (250, 260), (300, 800)])
def test_patches_lie_as_their_label_says(size):
    task = RelativePosition(**AS_THEY_ARE, pairs_per_image=3)
    image = np.repeat(map_of_places(*size), 200, axis=0)

    patches, label = task.pretext({"image": image}, SEED)

    assert patches.shape == (200, 3, 2, 96, 96, 2)
    corners = patches.numpy()[:, :, :, 0, 0]  # (images, pairs, 2, row and column)
    offset = corners[:, :, 1] - corners[:, :, 0]
    direction = np.array(OFFSETS)[label][..., ::-1]
    assert np.abs(offset - 144 * direction).max() <= 14
    # Whole patches, none of which leaves the image.
    last = patches.numpy()[:, :, :, -1, -1]
    np.testing.assert_array_equal(last - corners, 95)
    assert corners.min() >= 0
    assert (last.max(axis=(0, 1, 2)) <= np.array(size) - 1).all()


def test_all_directions_are_equally_frequent_however_narrow_the_image():
    task = RelativePosition(**AS_THEY_ARE)

    for size in ((248, 248), (248, 900), (600, 450)):
        _, label = task.draw_places(tf.tile([size], [10_000, 1]), SEED)
        share = np.bincount(label[:, 0], minlength=8) / 10_000
        np.testing.assert_allclose(share, 1 / 8, atol=3 * math.sqrt(7 / 64 / 10_000))


def test_grids_begin_anywhere_and_all_cells_are_used():
    task = RelativePosition(**{**AS_THEY_ARE, "jitter": 0})

    corners, label = task.draw_places(tf.tile([[700, 700]], [20_000, 1]), SEED)

    first = corners.numpy()[:, 0, 0]
    origin, cell = first % 144, first // 144
    assert set(origin.ravel()) == set(range(144))
    assert origin.mean() == pytest.approx(71.5, abs=1.0)
    # Where the second lies below, the first can be in all cells but the last.
    assert set(cell[label[:, 0] == 6][:, 0]) == set(range(0, 4))
    assert set(cell[label[:, 0] == 1][:, 0]) == set(range(1, 5))


def test_the_first_patch_can_be_the_middle_one_of_nine():
    task = RelativePosition(**{**SMALL, "first": "centre", "pairs_per_image": 2, "jitter": 0})

    corners, label = task.draw_places(tf.tile([[50, 44]], [5000, 1]), SEED)

    # Nine patches take 42 x 42 pixels and may begin anywhere.
    first, second = corners.numpy()[:, :, 0], corners.numpy()[:, :, 1]
    assert {tuple(place) for place in first.reshape(-1, 2)} == {
        (row, column) for row in range(15, 24) for column in range(15, 18)
    }
    np.testing.assert_array_equal(second - first, 15 * np.array(OFFSETS)[label][..., ::-1])
    np.testing.assert_allclose(np.bincount(label.numpy().ravel()) / 10_000, 1 / 8, atol=0.01)


def test_each_patch_is_shifted_on_its_own():
    task = RelativePosition(**AS_THEY_ARE)

    corners, label = task.draw_places(tf.tile([[900, 900]], [20_000, 1]), SEED)

    right = corners.numpy()[label == 4]  # (pairs, 2, 2)
    gap = right[:, 1, 1] - right[:, 0, 1] - 96
    assert gap.min() == 34
    assert gap.max() == 62
    # A sum of two independent draws of 15 values has variance 2 (15^2 - 1) / 12.
    assert gap.var() == pytest.approx(2 * 224 / 12, rel=0.1)
    assert np.corrcoef(right[:, 1, 0] - right[:, 0, 0], gap)[0, 1] == pytest.approx(0, abs=0.06)


def test_an_exchanged_pair_has_the_mirrored_label():
    task = RelativePosition(**SMALL)

    corners, label = task.draw_places(tf.tile([[44, 60]], [3000, 1]), SEED)

    exchanged = corners.numpy()[:, 0, ::-1]
    direction = np.array(OFFSETS)[7 - label.numpy()[:, 0]][:, ::-1]
    assert np.abs(exchanged[:, 1] - exchanged[:, 0] - 15 * direction).max() <= 2


def test_without_a_gap_only_the_places_change(capsys):
    image = np.random.default_rng(0).random((8, 60, 60, 3), np.float32)
    narrow = RelativePosition(**{**SMALL, "gap": 0, "jitter": 0})
    assert "gap" in capsys.readouterr().err

    patches, label = narrow.pretext({"image": image}, SEED)

    _, usual = RelativePosition(**SMALL).pretext({"image": image}, SEED)
    np.testing.assert_array_equal(label, usual)
    pair = next(i for i in range(8) if label[i, 0] == 4)
    beside = np.concatenate(list(patches[pair, 0]), axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(image[pair], (12, 24), axis=(0, 1))
    windows = np.moveaxis(windows, 2, -1)
    assert (windows == beside).all(axis=(2, 3, 4)).sum() == 1


def test_images_are_resized_to_a_number_of_pixels_drawn_at_random():
    task = RelativePosition(min_pixels=10_000, max_pixels=40_000, patch_size=20, gap=10, jitter=2)

    sizes = task.draw_sizes(20_000, 120, 90, SEED).numpy()

    pixels = sizes.prod(axis=1)
    assert pixels.min() == pytest.approx(10_000, rel=0.02)
    assert pixels.max() == pytest.approx(40_000, rel=0.02)
    assert pixels.mean() == pytest.approx(25_000, rel=0.02)
    np.testing.assert_allclose(sizes[:, 0] / sizes[:, 1], 120 / 90, rtol=0.02)


def test_patches_of_resized_images_lie_as_their_label_says():
    task = RelativePosition(
        **{**AS_THEY_ARE, "min_pixels": 30_000, "max_pixels": 60_000},
        patch_size=40,
        gap=20,
        jitter=0,
    )
    image = np.repeat(map_of_places(400, 300), 100, axis=0)

    patches, label = task.pretext({"image": image}, SEED)

    # The mean of a patch is its middle in pixels of the image, a constant number of which
    # make one pixel of the patch. At the image's border pixels are repeated.
    middle = patches.numpy()[:, 0].mean(axis=(2, 3))  # (images, 2, row and column)
    step = patches.numpy()[:, 0, 0, 30, 30] - patches.numpy()[:, 0, 0, 10, 10]
    offset = (middle[:, 1] - middle[:, 0]) / (step / 20)
    np.testing.assert_allclose(offset, 60 * np.array(OFFSETS)[label[:, 0]][:, ::-1], atol=0.5)
    scales = step[:, 0] / 20
    assert scales.min() == pytest.approx(math.sqrt(120_000 / 60_000), rel=0.03)
    assert scales.max() == pytest.approx(math.sqrt(120_000 / 30_000), rel=0.03)


def test_colours_are_guarded_as_asked():
    image = np.random.default_rng(0).random((40, 60, 60, 3), np.float32)

    def patches(mode, images=image):
        return RelativePosition(**{**SMALL, "color_mode": mode}).pretext({"image": images}, SEED)[0]

    plain, projected, dropped = (patches(mode).numpy() for mode in ("none", "project", "drop"))

    np.testing.assert_allclose(projected @ np.array([[-1.0], [2], [-1]], np.float32), 0, atol=1e-5)
    kept = (dropped == plain).all(axis=(3, 4)).reshape(40, 2, 3)
    np.testing.assert_array_equal(kept.sum(axis=-1), 1)
    # The two patches of a pair keep channels of their own.
    alike = (kept[:, 0] == kept[:, 1]).all(axis=-1).mean()
    assert alike == pytest.approx(1 / 3, abs=3 * math.sqrt(2 / 9 / 40))
    gray = image[..., :1]
    np.testing.assert_array_equal(patches("drop", gray), patches("none", gray))


def test_coarse_patches_are_drawn_one_by_one():
    image = np.random.default_rng(0).random((300, 44, 44, 1), np.float32)
    arguments = {**SMALL, "downsample_prob": 0.5, "downsample_min_pixels": 9}

    coarse, label = RelativePosition(**arguments).pretext({"image": image}, SEED)
    sharp, same_label = RelativePosition(**SMALL).pretext({"image": image}, SEED)

    np.testing.assert_array_equal(label, same_label)
    changed = np.abs(coarse - sharp).max(axis=(3, 4, 5)) > 1e-6  # (images, 1, 2)
    both = changed.all(axis=2).mean()
    assert both == pytest.approx(0.25, abs=3 * math.sqrt(3 / 16 / 300))


def small_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(3, 3, 2)(image), name=name)


def test_pairs_are_judged_apart_and_the_order_counts():
    task = RelativePosition(**{**SMALL, "pairs_per_image": 2, "batch_norm": False})
    model = task.build_model(tf.TensorSpec([None, 2, 2, 12, 12, 1]), small_trunk, None)
    pairs = tf.random.stateless_uniform([3, 2, 2, 12, 12, 1], SEED)

    logits = model(pairs)

    assert logits.shape == (3, 2, 8)
    assert model.get_layer("fc7").kernel.shape == (2 * 64, 64)
    np.testing.assert_allclose(model(pairs[:, ::-1]), logits[:, ::-1], atol=1e-5)
    assert np.abs(model(pairs[:, :, ::-1]) - logits).max() > 1e-2


def test_only_fc6_and_fc7_are_normalised_and_without_scale_and_shift():
    task = RelativePosition(**{**SMALL, "head_units": (16, 16)})
    model = task.build_model(tf.TensorSpec([None, 1, 2, 12, 12, 1]), small_trunk, None)

    names = {layer.name for layer in model.layers}
    assert {"fc6_norm", "fc7_norm"} <= names
    assert "fc8_norm" not in names
    assert not model.get_layer("fc6_norm").trainable_weights
    assert not model.get_layer("fc7_norm").trainable_weights
    assert model.get_layer("fc8").use_bias


def test_the_loss_is_the_mean_cross_entropy_over_pairs():
    logits = tf.constant([[[2.0, 0, 0, 0, 0, 0, 0, -1]], [[0.5, 0.1, -0.3, 1.2, 0, 0, 0.7, -2]]])
    loss = RelativePosition().loss()

    assert float(loss([[0]], logits[:1])) == pytest.approx(0.62154310, rel=1e-6)
    assert float(loss([[3]], logits[1:])) == pytest.approx(1.19460946, rel=1e-6)
    assert float(loss([[0], [3]], logits)) == pytest.approx(0.90807628, rel=1e-6)
    assert float(loss([[5]], tf.zeros([1, 1, 8]))) == pytest.approx(2.07944154, rel=1e-6)


def test_arguments_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ConfigurationError, match="`jitter` .* half of `gap`"):
        RelativePosition(gap=13, jitter=7)
    with pytest.raises(ConfigurationError, match="both be numbers or both None"):
        RelativePosition(min_pixels=None)
    with pytest.raises(ConfigurationError, match="`min_pixels` .* at most `max_pixels`"):
        RelativePosition(min_pixels=9, max_pixels=8)
    with pytest.raises(ConfigurationError, match="`downsample_min_pixels` .* at most .* 16"):
        RelativePosition(patch_size=4, downsample_min_pixels=17)


def test_images_that_cannot_hold_two_patches_are_refused():
    def split(*shape):
        return ArraySplit({"image": np.zeros((1, *shape), np.uint8)})

    # 2 * 96 + 48 + 7 is 247, and both sides must be greater.
    keeps_size = RelativePosition(**AS_THEY_ARE)
    keeps_size.check(split(248, 248, 3))
    with pytest.raises(DataError, match="at least 248 x 248"):
        keeps_size.check(split(247, 300, 3))
    # 150,000 pixels in the ratio 3 : 1 are 671 x 224.
    resized = RelativePosition()
    resized.check(split(20, 30, 3))
    with pytest.raises(DataError, match="248 x 248 pixels. Received: 90 x 30"):
        resized.check(split(90, 30, 3))
    with pytest.raises(DataError, match="1 or 3 channels"):
        resized.check(split(300, 300, 4))
    # Nine patches take 3 * 96 + 2 * 48 + 7.
    in_the_middle = RelativePosition(**AS_THEY_ARE, first="centre")
    in_the_middle.check(split(392, 392, 3))
    with pytest.raises(DataError, match="at least 392 x 392"):
        in_the_middle.check(split(391, 392, 3))
    with pytest.raises(DataError, match="three patches on each axis"):
        RelativePosition(first="centre").check(split(40, 80, 3))


def test_the_papers_network_takes_a_step():
    image = np.random.default_rng(0).integers(0, 255, (2, 150, 200, 3), dtype=np.uint8)

    run = sslkeras.pretrain(
        RelativePosition(),
        sslkeras.datasets.as_dataset(ArraySplit({"image": image})),
        "alexnet(groups=1, batch_norm='plain')",
        steps=1,
        batch_size=2,
        optimizer="sgd",
        learning_rate=1e-3,
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("fc6").kernel.shape == (3 * 3 * 256, 4096)
    assert run.model.get_layer("fc7").kernel.shape == (8192, 4096)
    assert run.model.get_layer("fc8").kernel.shape == (4096, 4096)


def test_pictures_tell_the_direction():
    task = RelativePosition(**SMALL)
    inputs, targets = task.pretext({"image": np.zeros((2, 44, 44, 1), np.float32)}, SEED)

    columns = task.draw(inputs, tf.constant([[4], [0]]), tf.one_hot([[6], [0]], 8))

    assert columns["first"].shape == (2, 12, 12, 1)
    assert columns["lies"] == ["right", "above left"]
    assert columns["answered"] == ["below", "above left"]


def test_learns_where_patches_of_digits_lie():
    run = sslkeras.pretrain(
        RelativePosition(**SMALL),
        "digits(size=44)",
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=150,
        batch_size=128,
        learning_rate=3e-3,
    )

    assert run.surrogate_metrics()["accuracy"] > 0.35  # Chance is 0.125.


def test_nothing_is_learned_of_noise():
    random = np.random.default_rng(0)

    def split(count):
        return ArraySplit({"image": random.integers(0, 255, (count, 44, 44, 1), np.uint8)})

    run = sslkeras.pretrain(
        RelativePosition(**SMALL),
        sslkeras.datasets.Given(split(512), split(800)),
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=40,
        batch_size=128,
        learning_rate=3e-3,
    )

    # Places and gaps give nothing away.
    assert run.surrogate_metrics()["accuracy"] == pytest.approx(
        1 / 8, abs=3 * math.sqrt(7 / 64 / 800)
    )
