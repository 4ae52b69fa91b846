"""Tests of sslkeras_verification.odd_one_out and what only it uses."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.clip_encoding import (
    ClipEncoding,
    MeanOfWindows,
    encode_clips,
    mean_energy,
    rank_pooling_weights,
)
from sslkeras_verification.odd_one_out import OddOneOut
from sslkeras_verification.sum_of_differences import SumOfDifferences

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([3, 4])
ENCODINGS = ("stack_of_differences", "sum_of_differences", "dynamic_image")
SAMPLINGS = ("constrained", "consecutive", "random")
SMALL = {"image_size": 8, "feature_units": 6, "hidden_units": 5}


def small_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(2, 3, 2)(image), name=name)


@pytest.mark.parametrize(
    ("num_frames", "form", "weights"),
    [
        (4, "simple", [-3, -1, 1, 3]),
        (6, "simple", [-5, -3, -1, 1, 3, 5]),
        (4, "time_averaged", [-2.41666667, 0.58333333, 1.08333333, 0.75]),
        (6, "time_averaged", [-5.15, -0.15, 1.35, 1.68333333, 1.43333333, 0.83333333]),
    ],
)
def test_weights_of_rank_pooling(num_frames, form, weights):
    np.testing.assert_allclose(rank_pooling_weights(num_frames, form), weights, atol=1e-8)
    assert sum(rank_pooling_weights(num_frames, form)) == pytest.approx(0)


def test_encodings_of_one_pixel():
    clip = tf.reshape(tf.constant([1.0, 3, 2, 7, 7, 10]), (1, 6, 1, 1, 1))

    encoded = [encode_clips(clip, encoding)[0, 0, 0].numpy().tolist() for encoding in ENCODINGS]

    assert encoded == [[2, -1, 5, 0, 3], [9], [62]]


def test_a_stack_holds_all_channels_of_each_difference():
    clip = tf.random.stateless_uniform([1, 3, 2, 2, 3], SEED)

    stack = encode_clips(clip, "stack_of_differences")

    np.testing.assert_allclose(stack[0, ..., :3], clip[0, 1] - clip[0, 0])
    np.testing.assert_allclose(stack[0, ..., 3:], clip[0, 2] - clip[0, 1])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_constant_image_changes_nothing_and_reversal_negates(encoding):
    clips = tf.random.stateless_uniform([2, 6, 3, 3, 2], SEED)
    shift = tf.random.stateless_uniform([1, 1, 3, 3, 2], [5, 6])

    plain = encode_clips(clips, encoding)
    backwards = -encode_clips(clips[:, ::-1], encoding).numpy()
    if encoding == "stack_of_differences":
        backwards = backwards.reshape(2, 3, 3, 5, 2)[..., ::-1, :].reshape(2, 3, 3, 10)

    np.testing.assert_allclose(encode_clips(clips + shift, encoding), plain, atol=1e-5)
    np.testing.assert_allclose(backwards, plain, atol=1e-5)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encoded_clips_are_scaled_by_one_number(encoding):
    rising = tf.reshape(tf.constant([0.0, 0, 0, 1, 1, 1]), (1, 6, 1, 1, 1))
    layer = ClipEncoding(6, encoding)

    assert float(tf.reduce_max(tf.abs(layer(rising)))) == pytest.approx(1)
    np.testing.assert_allclose(layer(rising * 0.25), layer(rising) * 0.25)


def test_equal_energy_leaves_no_amount_of_change():
    strength = tf.reshape([0.1, 0.2, 1.0, 2.0], (4, 1, 1, 1, 1))
    clips = tf.random.stateless_uniform([4, 6, 5, 5, 1], SEED) * strength

    encoded = ClipEncoding(6, equalise_energy=True)(clips)

    np.testing.assert_allclose(mean_energy(encoded), np.ones(len(clips)), rtol=1e-5)


def test_grey_differences_are_those_of_the_mean():
    clips = tf.random.stateless_uniform([2, 6, 4, 4, 3], SEED)

    grey = ClipEncoding(6, grey=True)(clips)

    expected = encode_clips(tf.reduce_mean(clips, -1, keepdims=True), "stack_of_differences")
    np.testing.assert_allclose(grey, expected, atol=1e-6)


def test_long_clips_are_cut_into_windows_whose_features_are_averaged():
    clips = tf.random.stateless_uniform([2, 7, 4, 4, 1], SEED)
    encoding = ClipEncoding(3)

    encoded = encoding(clips)
    mean = MeanOfWindows()([encoded, clips])

    first, second = encoding(clips[:, :3]), encoding(clips[:, 3:6])  # The seventh is left over.
    np.testing.assert_allclose(mean, (first + second) / 2, atol=1e-6)


def test_differences_are_summed_with_their_signs():
    vectors = tf.constant([[[1.0, 0], [2, 1], [4, -1], [7, 0], [11, 2], [16, 5]]])

    fused = SumOfDifferences()(vectors)

    np.testing.assert_allclose(fused, [[105, 29]])
    pairs = sum(vectors[:, j] - vectors[:, i] for i in range(6) for j in range(i + 1, 6))
    np.testing.assert_allclose(fused, pairs)
    np.testing.assert_allclose(SumOfDifferences()(vectors + [3.0, -2.0]), [[105, 29]], rtol=1e-5)


def test_the_middle_of_an_odd_number_has_no_weight_and_a_warning(capsys):
    vectors = tf.constant([[[1.0], [100.0], [4.0]]])

    np.testing.assert_allclose(SumOfDifferences()(vectors), [[6]])
    OddOneOut(num_elements=5)
    assert "should be even" in capsys.readouterr().err
    OddOneOut(num_elements=2)
    assert "4 or more" in capsys.readouterr().err
    OddOneOut(num_elements=5, fusion="concat")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_one_element_is_out_of_order(sampling):
    task = OddOneOut(**SMALL, sampling=sampling)

    frames, odd = task.draw_frames(3000, 20, SEED)

    rises = np.all(np.diff(frames, axis=-1) > 0, axis=-1)
    assert np.all(rises.sum(axis=1) == 5)
    np.testing.assert_array_equal(np.argmin(rises, axis=1), odd)
    # Three standard deviations.
    share = np.bincount(odd, minlength=6) / 3000
    np.testing.assert_allclose(share, 1 / 6, atol=3 * math.sqrt(5 / 36 / 3000))
    assert frames.numpy().min() == 0
    assert frames.numpy().max() == 19


def test_constrained_elements_lie_in_one_window():
    task = OddOneOut(**SMALL)

    frames = task.draw_frames(2000, 30, SEED)[0].numpy()

    assert np.ptp(frames, axis=(1, 2)).max() == 8  # Nine frames, 1.5 times six.
    ordered = np.sort(frames, axis=-1)
    np.testing.assert_array_equal(np.diff(ordered, axis=-1), 1)
    assert task.reads["video"][0] == 9


def test_a_stride_spreads_each_element():
    task = OddOneOut(**SMALL, sampling="consecutive", frame_stride=3)

    frames = task.draw_frames(500, 20, SEED)[0].numpy()

    np.testing.assert_array_equal(np.diff(np.sort(frames, axis=-1), axis=-1), 3)
    assert task.reads["video"][0] == 16


def test_random_elements_are_drawn_from_the_whole_clip():
    frames = OddOneOut(**SMALL, sampling="random").draw_frames(500, 20, SEED)[0].numpy()

    assert np.all(np.diff(np.sort(frames, axis=-1), axis=-1) >= 1)
    assert np.mean(np.ptp(frames, axis=-1)) > 12


def orders_of(**settings):
    drawn = OddOneOut(**SMALL, frames_per_element=3, **settings).draw_orders(3000, SEED)
    orders, counts = np.unique(drawn, axis=0, return_counts=True)
    share = 1 / len(orders)
    spread = 3 * math.sqrt(share * (1 - share) / 3000)
    np.testing.assert_allclose(counts / 3000, share, atol=1.5 * spread)  # Of up to five shares.
    return {"".join(map(str, order)) for order in orders}


def test_all_wrong_orders_are_equally_likely():
    assert orders_of() == {"021", "102", "120", "201"}
    assert orders_of(exclude_reversal=False) == {"021", "102", "120", "201", "210"}


def test_sums_of_differences_never_keep_both_ends():
    task = OddOneOut(**SMALL, clip_encoder="sum_of_differences", frames_per_element=4)

    orders = task.draw_orders(2000, SEED).numpy()

    assert not np.any((orders[:, 0] == 0) & (orders[:, -1] == 3))
    assert len(np.unique(orders, axis=0)) == 24 - 2 - 1


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_elements_show_the_drawn_frames_in_one_view(sampling):
    numbers = tf.range(20, dtype=tf.float32)[:, None, None, None]
    ramp = tf.reshape(tf.range(100, dtype=tf.float32), (1, 10, 10, 1))
    video = tf.repeat((1000 * numbers + ramp)[tf.newaxis], 64, axis=0)
    task = OddOneOut(**SMALL, sampling=sampling, crop_margin=2)

    elements, targets = task.pretext({"video": video}, SEED)

    assert elements.shape == (64, 6, 6, 8, 8, 1)
    frames, odd = task.draw_frames(64, 20, tf.random.split(SEED)[0])
    np.testing.assert_array_equal(targets["odd"], odd)
    np.testing.assert_array_equal(elements[..., 0, 0, 0] // 1000, frames)
    within = (elements % 1000).numpy().reshape(64, 36, -1)
    np.testing.assert_array_equal(within, np.repeat(within[:, :1], 36, axis=1))
    assert len(np.unique(within[:, 0, 0])) > 9  # Corners and mirrored corners.


def test_logits_and_chance():
    loss = OddOneOut().loss()["odd"]
    logits = tf.constant([[0.2, -0.1, 1.5, 0, 0.3, -0.7]])

    assert float(loss(tf.constant([2]), logits)) == pytest.approx(0.74647742)
    assert float(loss(tf.constant([4]), tf.zeros([1, 6]))) == pytest.approx(1.79175947)


def test_energy_is_that_of_each_element():
    task = OddOneOut(**SMALL, num_elements=4, frames_per_element=3, fusion="concat")
    model = task.build_model(tf.TensorSpec([None, 4, 3, 8, 8, 2]), small_trunk, None)
    elements = tf.random.stateless_uniform([2, 4, 3, 8, 8, 2], SEED)

    answer = model(elements)

    expected = np.abs(np.diff(elements, axis=2)).mean(axis=(2, 3, 4, 5))
    np.testing.assert_allclose(answer["energy"], expected, rtol=1e-5)
    assert answer["odd"].shape == (2, 4)


def test_branches_are_equal_and_fused_after_the_first_layer():
    task = OddOneOut(**SMALL, batch_norm=False, dropout=0.0)
    model = task.build_model(tf.TensorSpec([None, 6, 6, 8, 8, 3]), small_trunk, None)

    # 5 differences of 3 channels; 3 x 3 x 2 values a map.
    assert model.get_layer("encoder").get_layer("trunk").input_shape[-1] == 15
    assert model.get_layer("fc6").kernel.shape == (18, 6)
    assert model.get_layer("fc7").kernel.shape == (6, 5)
    assert tuple(model.get_layer("encoder").input_shape) == (None, None, 8, 8, 3)


@pytest.mark.parametrize(
    "settings",
    [
        {"rank_pooling": "simple"},
        {"clip_encoder": "dynamic_image", "grayscale_differences": True},
        {"sampling": "random", "frame_stride": 2},
    ],
)
def test_arguments_that_do_not_go_together_are_refused(settings):
    with pytest.raises(ConfigurationError, match="must be .* except with"):
        OddOneOut(**settings)


def test_short_clips_are_refused():
    split = ArraySplit({"video": np.zeros((2, 8, 8, 8, 1), np.uint8)})

    with pytest.raises(DataError, match="at least 9 x 1"):
        OddOneOut(**SMALL).check(split)
    OddOneOut(**SMALL, sampling="consecutive").check(split)


@pytest.mark.parametrize("clip_encoder", ["stack_of_differences", "dynamic_image"])
def test_the_papers_network_takes_a_step(clip_encoder):
    video = np.random.default_rng(0).integers(0, 255, (2, 9, 40, 50, 3), dtype=np.uint8)

    run = sslkeras.pretrain(
        OddOneOut(clip_encoder=clip_encoder),
        sslkeras.datasets.as_dataset(ArraySplit({"video": video})),
        "alexnet(padding='valid')",
        steps=1,
        batch_size=2,
        optimizer="sgd",
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("fc6").kernel.shape == (6 * 6 * 256, 128)


def test_learns_which_is_out_of_order():
    task = OddOneOut(
        num_elements=4,
        frames_per_element=4,
        image_size=16,
        feature_units=32,
        hidden_units=32,
        fusion="concat",
        equalise_energy=True,
        dropout=0.0,
    )
    data = sslkeras.datasets.create(
        "moving_digits(num_examples=1024, num_test=256, num_digits=1, size=16, digit_size=8, "
        "num_frames=8, speed=(0.8, 1.6))"
    )

    run = sslkeras.pretrain(
        task,
        data,
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=100,
        batch_size=64,
        learning_rate=3e-3,
    )

    metrics = run.surrogate_metrics()
    assert metrics["accuracy"] > 0.6  # Chance is 1/4.
    assert metrics["energy_baseline"] < 0.4  # With equal energy that cue is gone.
