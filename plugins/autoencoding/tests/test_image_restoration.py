"""Tests of sslkeras_autoencoding.image_restoration and what only it uses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_autoencoding import dirt, rain
from sslkeras_autoencoding.crops import crop, random_places
from sslkeras_autoencoding.image_restoration import ImageRestoration
from sslkeras_autoencoding.mask_library import MaskLibrary
from sslkeras_autoencoding.overlapping_patches import (
    OverlappingPatches,
    average_patches,
    overlap_add,
    overlap_count,
)
from sslkeras_autoencoding.peak_signal_to_noise import PeakSignalToNoise
from sslkeras_autoencoding.restoration_loss import RestorationLoss

from sslkeras import tasks
from sslkeras.datasets import ArraySplit
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([5, 6])
SMALL = {"patch_size": 16, "p1": 6, "p3": 4, "maps": 5}

# Features, kernel, and what overlap-add makes of them, worked out by hand.
FEATURES = tf.reshape(tf.range(1.0, 10), (1, 3, 3, 1))
KERNEL = tf.reshape(tf.constant([1.0, 2, 3, 4]), (2, 2, 1, 1))
AVERAGE = [[1, 2, 3.5, 6], [3.5, 5.75, 8.25, 12], [9.5, 13.25, 15.75, 21], [21, 26, 29.5, 36]]


def trunk(shape, name="encoder"):
    """A trunk that gives a map of stride 2."""
    image = keras.Input(shape)
    maps = keras.layers.Conv2D(3, 3, strides=2, padding="same")(image)
    return keras.Model(image, maps, name=name)


def build(task, encoder=trunk):
    side = task.patch_size
    return task.build_model(tf.TensorSpec((None, side, side, 3)), encoder, None)


def images(count=3, height=20, width=23, seed=0):
    shape = (count, height, width, 3)
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")


def test_dirt_is_composited_as_in_the_paper():
    clean = tf.constant([[0.2, 0.4, 0.6], [1, 0.5, 0]])[tf.newaxis, tf.newaxis]
    opacity = tf.reshape([0.5, 0.25], (1, 1, 2, 1))
    light = 0.5 * tf.reshape([0.9, 1, 1.1], (1, 1, 1, 3))

    spoilt = dirt.add_dirt(clean, opacity, opacity * [0.6, 0.5, 0.4], light)

    np.testing.assert_allclose(
        spoilt[0, 0], [[0.235, 0.325, 0.41], [0.8175, 0.4375, 0.055]], rtol=1e-5
    )


def test_full_opacity_shows_dirt_only():
    light, colour = tf.fill([1, 1, 1, 3], 0.7), tf.constant([0.6, 0.5, 0.4])

    spoilt = dirt.add_dirt(tf.constant(images(1)), tf.ones([1, 20, 23, 1]), colour, light)

    np.testing.assert_allclose(spoilt, np.broadcast_to(0.7 * colour, spoilt.shape), rtol=1e-6)


def test_opacity_of_specks_is_what_their_product_leaves():
    centres = np.array([[[2.0, 3], [6, 1.5]], [[0, 0], [7, 7]]], "float32")
    radii = np.array([[1.0, 2], [3, 1.5]], "float32")
    opacities = np.array([[0.9, 0.4], [0.5, 0.8]], "float32")

    opacity = dirt.speck_opacity(centres, radii, opacities, 8)

    y, x = np.mgrid[:8, :8]
    for b in range(2):
        pane = np.ones((8, 8))
        for (cy, cx), r, o in zip(centres[b], radii[b], opacities[b], strict=True):
            pane *= 1 - o * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * r**2))
        np.testing.assert_allclose(opacity[b, ..., 0], 1 - pane, atol=1e-6)


def test_light_is_tinted_within_the_jitter_and_as_bright_as_asked():
    light = dirt.draw_light(SEED, 500, jitter=0.1, brightness=(0.5, 0.5)).numpy() / 0.5

    assert light.shape == (500, 1, 1, 3)
    assert 0.9 <= light.min() < 0.91
    assert 1.09 < light.max() <= 1.1
    dimmed = dirt.draw_light(SEED, 500, jitter=0.0, brightness=(0, 1)).numpy()
    np.testing.assert_array_equal(dimmed[..., 0], dimmed[..., 2])
    assert dimmed.min() < 0.02 and dimmed.max() > 0.98


def test_a_drop_shows_the_ramp_mirrored():
    ramp = tf.tile(tf.range(9.0)[tf.newaxis, tf.newaxis, :, tf.newaxis] / 8, (1, 9, 1, 1))
    drop = tf.constant([[[4.0, 4, 3, 1, 1]]])

    spoilt = rain.add_drops(ramp, drop, zoom=0.5, softness=0.5, blur=0, highlight=0)

    row4 = [0.08940219, 0.40625, 0.5802989, 0.55912759, 0.5, 0.44087241, 0.4197011, 0.59375]
    row0 = [0.00367463, 0.13511724, 0.26875298, 0.3929394, 0.5, 0.6070606, 0.73124702, 0.86488276]
    np.testing.assert_allclose(spoilt[0, 4, :, 0], [*row4, 0.91059781], rtol=1e-5)
    np.testing.assert_allclose(spoilt[0, 0, :, 0], [*row0, 0.99632537], rtol=1e-5)


def test_drops_equal_a_loop_over_pixels():
    clean = images(2, 8, 8)
    drops = np.random.default_rng(1).uniform(
        (0, 0, 2, 0.8, 0.8), (8, 8, 4, 1.3, 1.3), size=(2, 3, 5)
    )

    spoilt = rain.add_drops(
        tf.constant(clean),
        tf.constant(drops, tf.float32),
        zoom=2,
        softness=0.5,
        blur=0,
        highlight=0.08,
    )

    for b in range(2):
        expected = clean[b].astype("float64")
        for cy, cx, r, a, gain in drops[b]:
            before = expected.copy()
            for y in range(8):
                for x in range(8):
                    rho = np.hypot((y - cy) / a, x - cx) / r
                    mask = 1 / (1 + np.exp(-(1 - rho) * r / 0.5))
                    seen = _bilinear(clean[b], cy - 2 * (y - cy), cx - 2 * (x - cx))
                    drop = np.clip(gain * seen + 0.08 * (1 - rho), 0, 1)
                    expected[y, x] = (1 - mask) * before[y, x] + mask * drop
        np.testing.assert_allclose(spoilt[b], np.clip(expected, 0, 1), atol=1e-5)


def _bilinear(image, y, x):
    last = len(image) - 1
    y, x = np.clip(y, 0, last), np.clip(x, 0, last)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, last), min(left + 1, last)
    dy, dx = y - top, x - left
    upper = (1 - dx) * image[top, left] + dx * image[top, right]
    lower = (1 - dx) * image[bottom, left] + dx * image[bottom, right]
    return (1 - dy) * upper + dy * lower


def test_blur_is_gaussian_and_keeps_flat_images():
    scipy_ndimage = pytest.importorskip("scipy.ndimage")
    clean = images(1, 16, 16)

    blurred = rain.blurred(tf.constant(clean), 1.0)

    reference = scipy_ndimage.gaussian_filter(clean, (0, 1, 1, 0), mode="nearest", truncate=3.0)
    np.testing.assert_allclose(blurred, reference, atol=1e-5)
    np.testing.assert_array_equal(rain.blurred(tf.constant(clean), 0), clean)


def test_crops_lie_in_the_image_and_half_are_mirrored():
    rows, columns = (t.numpy() for t in random_places(SEED, 400, 20, 23, 16))

    assert rows.min() == 0 and rows.max() == 19
    assert columns.min() == 0 and columns.max() == 22
    assert np.all(np.diff(rows) == 1)
    mirrored = columns[:, 0] > columns[:, -1]
    assert np.all(np.abs(np.diff(columns)) == 1)
    assert 0.4 < mirrored.mean() < 0.6
    x = images(400)
    cut = crop(tf.constant(x), rows, columns)
    np.testing.assert_array_equal(cut[7], x[7][rows[7]][:, columns[7]])


@pytest.mark.parametrize("kind", ["dirt", "rain"])
def test_pretext_spoils_the_input_and_not_the_target(kind):
    task, batch = ImageRestoration(corruption=kind, **SMALL), {"image": tf.constant(images())}
    whole = ImageRestoration(corruption=kind, **{**SMALL, "n_specks": 0, "n_drops": 0})

    inputs, targets = task.pretext(batch, SEED)
    clean, same_targets = whole.pretext(batch, SEED)

    assert inputs.shape == (3, 16, 16, 3)
    # Predicted is what lies (p1 - p3) / 2 = 1 pixel within the crop.
    np.testing.assert_array_equal(targets["restored"], clean[:, 1:-1, 1:-1])
    np.testing.assert_array_equal(same_targets["restored"], targets["restored"])
    assert np.abs(inputs - clean).max() > 0.1
    assert inputs.numpy().min() >= 0 and inputs.numpy().max() <= 1
    np.testing.assert_array_equal(inputs, task.pretext(batch, SEED)[0])
    assert np.any(inputs != task.pretext(batch, tf.constant([5, 7]))[0])


def test_examples_of_a_batch_are_spoilt_differently():
    flat = {"image": tf.fill([2, 16, 16, 3], 0.5)}
    for kind in ("dirt", "rain"):
        inputs, _ = ImageRestoration(corruption=kind, **SMALL).pretext(flat, SEED)
        assert np.any(inputs[0] != inputs[1])


def test_specks_scale_with_the_area():
    # 12 on 32 x 32 are 3 on 16 x 16 and 48 on 64 x 64.
    assert ImageRestoration(**SMALL)._count(12) == 3
    assert ImageRestoration()._count(12) == 48


@pytest.mark.parametrize("kind", ["dirt", "rain", "pairs"])
def test_pretext_maps_over_batches_of_unknown_size(kind):
    x = images(5)
    task = ImageRestoration(corruption=kind, **SMALL)
    split = ArraySplit({"image": x, "corrupted_image": x})

    examples = task.examples(split, 2, training=False)

    assert examples.element_spec[0].shape == (None, 16, 16, 3)
    assert examples.element_spec[1]["restored"].shape == (None, 14, 14, 3)
    assert sum(len(inputs) for inputs, _ in examples) == 5


def test_pairs_are_cut_alike_and_not_spoilt_further():
    clean = images()
    batch = {"image": tf.constant(clean), "corrupted_image": tf.constant(1 - clean)}

    inputs, targets = ImageRestoration(corruption="pairs", **SMALL).pretext(batch, SEED)

    np.testing.assert_allclose(1 - inputs[:, 1:-1, 1:-1], targets["restored"], atol=1e-6)


def test_patches_are_added_and_divided_by_their_exact_number():
    layer = OverlappingPatches(1, 2)
    layer.build((None, None, None, 1))
    layer.set_weights([KERNEL, np.zeros(1)])

    total = overlap_add(FEATURES, KERNEL)[0, ..., 0]

    np.testing.assert_allclose(
        total, [[1, 4, 7, 6], [7, 23, 33, 24], [19, 53, 63, 42], [21, 52, 59, 36]]
    )
    np.testing.assert_allclose(
        overlap_count(FEATURES, 2)[0, ..., 0],
        [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]],
    )
    np.testing.assert_allclose(layer(FEATURES)[0, ..., 0], AVERAGE)


def test_averaged_patches_are_the_averaged_output():
    config = {"scale": 2.0, "offset": 0.5}
    image, patches = (
        OverlappingPatches(3, 4, **config),
        OverlappingPatches(3, 4, **config, averaged=False),
    )
    features = tf.random.stateless_normal((2, 6, 5, 7), (0, 1))
    image(features), patches(features)
    image.bias.assign([0.1, 0.2, 0.3])
    patches.set_weights(image.get_weights())

    single = patches(features)

    assert single.shape == (2, 6, 5, 48)
    np.testing.assert_allclose(average_patches(single, 4), image(features), atol=1e-5)


def test_output_has_the_size_of_the_part_it_predicts_for_any_image():
    model = build(ImageRestoration(**SMALL))

    for height, width in ((16, 16), (20, 9)):
        outputs = model(tf.zeros([1, height, width, 3]))
        assert outputs["restored"].shape == (1, height - 2, width - 2, 3)
        assert outputs["input"].shape == (1, height - 2, width - 2, 3)


def test_paper_network_maps_64_pixels_to_56():
    model = build(ImageRestoration(maps=2))

    assert model.get_layer("encoder")(tf.zeros([1, 64, 64, 3])).shape == (1, 49, 49, 2)
    assert model(tf.zeros([1, 64, 64, 3]))["restored"].shape == (1, 56, 56, 3)


def test_output_pixels_stand_over_the_input_pixels_they_predict():
    model = build(ImageRestoration(**SMALL))
    image = np.zeros((2, 24, 24, 3), "float32")
    image[1, 11, 13] = 1.0

    restored = model(image)["restored"].numpy()

    # A pixel moves the outputs of all windows and patches that contain it: 6 + 4 - 1 rows
    # centred on it, 4 to either side; output (i, j) is input pixel (i + 1, j + 1).
    rows, columns = np.nonzero(np.abs(restored[1] - restored[0]).max(-1) > 1e-7)
    assert (rows.min() + 1, rows.max() + 1) == (11 - 4, 11 + 4)
    assert (columns.min() + 1, columns.max() + 1) == (13 - 4, 13 + 4)
    np.testing.assert_array_equal(model(image)["input"], image[:, 1:-1, 1:-1])


def test_moving_the_input_moves_the_inner_output():
    model = build(ImageRestoration(**SMALL))
    image = images(1, 21, 20)

    restored = model(image)["restored"]
    moved = model(image[:, 1:])["restored"]

    np.testing.assert_allclose(moved[:, 3:-3], restored[:, 4:-3], atol=1e-5)


def test_loss_halves_the_sum_and_metric_is_in_decibels():
    restored = tf.reshape([0.0, 0.5, 1, 0.25], (1, 2, 2, 1))
    clean = tf.reshape([0.1, 0.5, 0.8, 0.25], (1, 2, 2, 1))
    metric = PeakSignalToNoise()

    metric.update_state(clean, restored)

    np.testing.assert_allclose(RestorationLoss()(clean, restored), 0.025, rtol=1e-5)
    np.testing.assert_allclose(RestorationLoss("mean")(clean, restored), 0.0125, rtol=1e-5)
    np.testing.assert_allclose(metric.result(), 19.0308998699, rtol=1e-6)


def test_decibels_are_averaged_over_images_with_clipped_pixels():
    clean = tf.zeros([2, 1, 1, 3])
    metric = PeakSignalToNoise()

    # Errors of 0.1 and 0.01: 20 and 40 dB. Below 0 is as good as 0: the ceiling, 100 dB.
    metric.update_state(clean, tf.reshape([0.1] * 3 + [0.01] * 3, (2, 1, 1, 3)))
    np.testing.assert_allclose(metric.result(), 30.0, rtol=1e-5)
    metric.update_state(clean[:1], clean[:1] - 1)
    np.testing.assert_allclose(metric.result(), (20 + 40 + 100) / 3, rtol=1e-5)


def test_loss_does_not_clip():
    assert RestorationLoss()(tf.zeros([1, 1, 1, 1]), -tf.ones([1, 1, 1, 1])) == 0.5


@pytest.mark.parametrize("over_pixels", ["sum", "mean"])
def test_patch_loss_compares_each_patch_with_its_part(over_pixels):
    clean = tf.constant(images(2, 5, 5))
    patches = tf.random.stateless_normal((2, 4, 4, 12), (0, 1))

    loss = RestorationLoss(over_pixels, patch_size=2).call(clean, patches)

    errors = np.zeros(2)
    for i in range(4):
        for j in range(4):
            part = clean[:, i : i + 2, j : j + 2].numpy()
            patch = patches[:, i, j].numpy().reshape(2, 2, 2, 3)
            errors += ((part - patch) ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(
        loss, errors / 2 / 4 if over_pixels == "sum" else errors / 192, rtol=1e-5
    )


@pytest.mark.parametrize(
    "config",
    [{}, {"averaging": "patch"}, {"trunk": "encoder"}],
    ids=["paper", "patch", "encoder"],
)
def test_saved_model_answers_alike_and_its_encoder_is_found_by_name(tmp_path, config):
    task, x = ImageRestoration(**SMALL, **config), images(2, 16, 16)
    model = build(task)
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")

    for name, output in model(x).items():
        np.testing.assert_allclose(again(x)[name], output, rtol=1e-5, atol=1e-6)
    features = again.get_layer("encoder")(x)
    assert features.shape.rank == 4
    np.testing.assert_allclose(features, task.encoders(model)["encoder"](x), atol=1e-6)


@pytest.mark.parametrize("config", [{}, {"averaging": "patch"}, {"trunk": "encoder"}], ids=str)
def test_drawings_show_three_images_of_one_size(config):
    task = ImageRestoration(**SMALL, **config)
    inputs, targets = task.pretext({"image": tf.constant(images())}, SEED)

    drawn = task.draw(inputs, targets, build(task)(inputs))

    side = 16 if config.get("trunk") else 14
    assert list(drawn) == ["clean", "corrupted", "restored"]
    for image in drawn.values():
        assert image.shape == (3, side, side, 3)
        assert image.numpy().min() >= 0 and image.numpy().max() <= 1


def test_measured_masks_are_cut_mirrored_and_turned():
    numbers = np.arange(9, dtype="float32").reshape(1, 3, 3) / 9
    library = MaskLibrary({"alpha": numbers, "alpha_dirt": np.stack([numbers] * 3, -1)}, 3)

    alpha, alpha_dirt = library.draw(SEED, 200)

    assert alpha.shape == (200, 3, 3, 1) and alpha_dirt.shape == (200, 3, 3, 3)
    np.testing.assert_array_equal(alpha, alpha_dirt[..., :1])
    seen = {image.tobytes() for image in alpha.numpy()}
    square = numbers[0]
    turns = [np.rot90(square, k) for k in range(4)]
    assert seen == {np.ascontiguousarray(s).tobytes() for t in turns for s in (t, t.T)}


def test_measured_masks_are_used_from_file_and_from_arrays(tmp_path):
    masks = {"alpha": np.ones((2, 16, 17), "float32"), "alpha_dirt": np.full((2, 16, 17, 3), 0.5)}
    np.savez(tmp_path / "masks.npz", **masks)
    batch = {"image": tf.constant(images())}

    for source in (str(tmp_path / "masks.npz"), masks):
        config = {**SMALL, "dirt_masks": source, "color_jitter": 0.0, "brightness": (1, 1)}
        task = ImageRestoration(**config)
        inputs, _ = task.pretext(batch, SEED)
        # Opaque: nothing of the image is left.
        np.testing.assert_allclose(inputs, np.full((3, 16, 16, 3), 0.5))
        assert ImageRestoration(**task.get_config()).dirt_masks == source


@pytest.mark.parametrize(
    "masks",
    [
        {"alpha": np.ones((2, 8, 8)), "alpha_dirt": np.ones((2, 8, 8, 3))},
        {"alpha": np.ones((2, 16, 16)), "alpha_dirt": np.ones((1, 16, 16, 3))},
        {"alpha": np.full((2, 16, 16), 2.0), "alpha_dirt": np.ones((2, 16, 16, 3))},
        "no/such/file.npz",
    ],
    ids=["small", "unlike", "opacity", "missing"],
)
def test_masks_that_do_not_fit_are_refused(masks):
    with pytest.raises(DataError, match="Received"):
        ImageRestoration(**SMALL, dirt_masks=masks)


def test_config_gives_an_equal_task():
    config = {**SMALL, "corruption": "rain", "averaging": "patch", "drop_radius": [1, 2]}

    task = ImageRestoration(**config)

    assert ImageRestoration(**task.get_config()).get_config() == task.get_config()
    assert task.get_config()["drop_radius"] == (1.0, 2.0)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"corruption": "snow"}, "`corruption`"),
        ({"patch_size": 16}, "patch_size > p1"),
        ({"p1": 4, "p3": 6}, "p1 >= p3"),
        ({"p1": 9}, "p1 - p3 even"),
        ({"p3": 0}, "`p3`"),
        ({"trunk": "unet"}, "`trunk`"),
        ({"trunk": "encoder", "averaging": "patch"}, "trunk='paper'"),
        ({"maps": 0}, "`maps`"),
        ({"averaging": "none"}, "`averaging`"),
        ({"reduction": "max"}, "`reduction`"),
        ({"n_specks": -1}, "`n_specks`"),
        ({"n_drops": 1.5}, "`n_drops`"),
        ({"speck_radius": (0, 5)}, "`speck_radius`"),
        ({"speck_radius": (5, 1)}, "`speck_radius`"),
        ({"speck_opacity": (0.4, 1.1)}, "`speck_opacity`"),
        ({"dirt_color": (0.5, 0.5)}, "`dirt_color`"),
        ({"color_jitter": 1}, "`color_jitter`"),
        ({"brightness": (-0.1, 1)}, "`brightness`"),
        ({"dirt_masks": 3}, "`dirt_masks`"),
        ({"dirt_masks": "x.npz", "corruption": "rain"}, "`dirt_masks`.*corruption='dirt'"),
        ({"drop_radius": (2,)}, "`drop_radius`"),
        ({"drop_aspect": (0, 1)}, "`drop_aspect`"),
        ({"drop_gain": (2, 1)}, "`drop_gain`"),
        ({"drop_zoom": 0}, "`drop_zoom`"),
        ({"softness": 0}, "`softness`"),
        ({"drop_blur": -1}, "`drop_blur`"),
        ({"highlight": -1}, "`highlight`"),
    ],
)
def test_impossible_arguments_are_refused(config, message):
    with pytest.raises(ConfigurationError, match=message):
        ImageRestoration(**config)


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="patch=3"):
        tasks.create("image_restoration(patch=3)")


@pytest.mark.parametrize(
    ("config", "shapes", "message"),
    [
        ({}, {"image": (15, 20, 3)}, "at least 16 x 16 x 3.*15 x 20 x 3"),
        ({}, {"image": (20, 20, 1)}, "at least 16 x 16 x 3"),
        ({}, {"image": (20, 20, 4)}, "3 channels"),
        ({"corruption": "pairs"}, {"image": (20, 20, 3)}, "corrupted_image"),
        (
            {"corruption": "pairs"},
            {"image": (20, 20, 3), "corrupted_image": (20, 21, 3)},
            "one shape.*21",
        ),
    ],
)
def test_unfit_datasets_are_refused(config, shapes, message):
    split = ArraySplit({name: np.zeros((2, *shape), "uint8") for name, shape in shapes.items()})

    with pytest.raises(DataError, match=message):
        ImageRestoration(**SMALL, **config).examples(split, 2)


def test_trunk_whose_stride_does_not_fit_is_refused():
    def valid(shape, name="encoder"):
        image = keras.Input(shape)
        return keras.Model(image, keras.layers.Conv2D(3, 3)(image), name=name)

    with pytest.raises(ConfigurationError, match="14 x 14 for patch_size=16"):
        build(ImageRestoration(**SMALL, trunk="encoder"), valid)


@pytest.mark.parametrize("config", [{}, {"averaging": "patch"}, {"trunk": "encoder"}], ids=str)
def test_learns_to_wipe_off_dirt(config):
    # Smooth scenes, of which 2 dB more than the input need a look at the neighbours.
    keras.utils.set_random_seed(0)
    slopes = np.random.default_rng(0).uniform(-0.5, 0.5, (64, 2, 1, 1, 3))
    y, x = np.mgrid[:20, :20] / 20 - 0.5
    scenes = (0.5 + slopes[:, 0] * y[..., None] + slopes[:, 1] * x[..., None]).clip(0, 1)
    task = ImageRestoration(**{**SMALL, "maps": 24}, n_specks=8, speck_radius=(1, 2), **config)
    examples = task.examples(ArraySplit({"image": scenes.astype("float32")}), 16, steps=200)
    model = build(task, _wide_trunk)
    model.compile(keras.optimizers.Adam(0.003), task.loss(), task.metrics())

    history = model.fit(examples, epochs=2, verbose=0).history

    assert history["restored_psnr"][-1] > history["input_input_psnr"][-1] + 2


def _wide_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    maps = keras.layers.Conv2D(24, 5, padding="same", activation="relu")(image)
    maps = keras.layers.Conv2D(24, 5, strides=2, padding="same", activation="relu")(maps)
    return keras.Model(image, maps, name=name)
