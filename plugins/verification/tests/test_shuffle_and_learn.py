"""Tests of sslkeras_verification.shuffle_and_learn."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.shuffle_and_learn import ShuffleAndLearn, mean_squared_difference

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import DataError

SEED = tf.constant([3, 4])
SMALL = {
    "positive_span": 6,
    "negative_margin": 3,
    "negative_reach": 4,
    "image_size": 8,
    "feature_units": 8,
    "min_frame_mse": 0.0,
}


def numbered_clips(count, num_frames, side=8):
    """Clips whose frames are filled with their own number."""
    numbers = tf.range(num_frames, dtype=tf.float32)[:, None, None, None]
    return tf.repeat((numbers * tf.ones([1, side, side, 1]))[tf.newaxis], count, axis=0)


def test_triplets_have_the_same_outer_frames_and_either_direction():
    task = ShuffleAndLearn(**SMALL)

    triplets, label = task.arrange(tf.repeat([[0, 1, 2, 3, 4]], 500, axis=0), SEED)

    found = {}
    for triplet, one in zip(triplets.numpy().tolist(), label.numpy(), strict=True):
        found.setdefault(int(one), set()).add(tuple(triplet))
    # a..e = 0..4, so b = 1, c = 2, d = 3.
    assert found == {
        1: {(1, 2, 3), (3, 2, 1)},
        0: {(1, 0, 3), (1, 4, 3), (3, 0, 1), (3, 4, 1)},
    }


def test_without_reversal_all_triplets_begin_with_b():
    task = ShuffleAndLearn(**SMALL, allow_reverse=False)

    triplets, _ = task.arrange(tf.repeat([[0, 1, 2, 3, 4]], 200, axis=0), SEED)

    assert set(triplets[:, 0].numpy()) == {1}
    assert set(triplets[:, 2].numpy()) == {3}


def test_drawn_triplets_keep_the_spans():
    task = ShuffleAndLearn(**SMALL, motion_source="frame_difference")

    frames, label = task.pretext({"video": numbered_clips(3000, 24)}, SEED)

    first, middle, last = frames[:, :, 0, 0, 0].numpy().T
    low, high = np.minimum(first, last), np.maximum(first, last)
    np.testing.assert_array_equal(high - low, 6)
    right = label.numpy() == 1
    assert np.all((middle > low)[right] & (middle < high)[right])
    away = np.maximum(low - middle, middle - high)[~right]
    assert away.min() == 3
    assert away.max() == 3 + 4
    assert set(low) == set(range(3, 24 - 6 - 3))  # Every start that leaves room on both sides.


def test_three_quarters_are_wrong_and_half_are_reversed():
    task = ShuffleAndLearn(**SMALL, motion_source="uniform")

    frames, label = task.pretext({"video": numbered_clips(4000, 24)}, SEED)

    # Three standard deviations of a share of 4000.
    assert np.mean(label == 0) == pytest.approx(0.75, abs=3 * math.sqrt(0.75 * 0.25 / 4000))
    backwards = frames[:, 0, 0, 0, 0] > frames[:, 2, 0, 0, 0]
    assert np.mean(backwards) == pytest.approx(0.5, abs=3 * math.sqrt(0.25 / 4000))


def test_windows_lie_where_the_motion_is():
    task = ShuffleAndLearn(**SMALL)
    motion = np.zeros((500, 39), np.float32)
    motion[:, 20] = 1.0

    b = task.draw_frames(motion, SEED, 40)[:, 0, 1].numpy()

    assert set(b) == set(range(15, 21))  # b <= 20 < b + 6, each as often.


def test_clips_that_stand_still_are_drawn_from_anywhere():
    task = ShuffleAndLearn(**SMALL)

    b = task.draw_frames(tf.zeros([800, 23]), SEED, 24)[:, 0, 1].numpy()

    assert set(b) == set(range(3, 15))


def test_a_clip_of_the_least_length_has_one_place():
    task = ShuffleAndLearn(**SMALL)

    frames = task.draw_frames(tf.zeros([50, 12]), SEED, 13)[:, 0].numpy()

    assert {(a, b, d, e) for a, b, _, d, e in frames} == {(0, 3, 9, 12)}


def test_spans_shrink_with_the_clip_where_allowed():
    paper = ShuffleAndLearn(scale_spans_to_clip=True, motion_source="uniform")

    assert paper.spans(91) == (60, 15, 60)
    assert paper.spans(46) == (30, 7, 30)  # Half of 60 + 2 * 15.
    assert paper.spans(5) == (2, 1, 2)
    assert paper.reads["video"][0] == 5
    assert ShuffleAndLearn(motion_source="uniform").reads["video"][0] == 91


def test_frames_are_compared_by_the_mean_squared_difference():
    other = np.full((1, 2, 2, 3), 0.5, np.float32)
    other[0, 1, 1] = 0.0

    # 9 of 12 values differ by 0.5: 2.25 in sum.
    difference = mean_squared_difference(tf.zeros([1, 2, 2, 3]), other)

    np.testing.assert_allclose(difference, [0.1875])


def test_draws_with_frames_alike_are_passed_over():
    # Frames repeat with period 9: c equals a or e now and then.
    phase = tf.range(24) % 9
    video = tf.gather(numbered_clips(1000, 9, side=2), phase, axis=1) / 9
    settings = {**SMALL, "min_frame_mse": 1e-6, "motion_source": "uniform"}

    def share_alike(candidates):
        task = ShuffleAndLearn(**settings, candidates=candidates)
        drawn = task.draw_frames(tf.ones([1000, 23]), SEED, 24)
        five, clear = task._first_clear(video, drawn)
        a, _, c, _, e = tf.unstack(tf.gather(phase, five), axis=1)
        alike = (a == c) | (c == e)
        np.testing.assert_array_equal(clear, ~alike)
        return np.mean(alike)

    assert share_alike(1) > 0.1
    assert share_alike(8) < 1e-3


def test_clips_without_a_clear_triplet_have_no_weight():
    still, moving = tf.ones([3, 24, 8, 8, 1]), numbered_clips(1, 24)
    task = ShuffleAndLearn(**{**SMALL, "min_frame_mse": 1e-3}, motion_source="frame_difference")

    *_, weights = task.pretext({"video": tf.concat([still, moving], axis=0)}, SEED)
    *_, none = task.pretext({"video": still}, SEED)

    np.testing.assert_allclose(weights, [0, 0, 0, 4])  # Their mean is 1.
    np.testing.assert_allclose(none, [0, 0, 0])


def test_loss_is_the_cross_entropy():
    loss = ShuffleAndLearn().loss()
    logits, label = tf.constant([[2.0, -1], [0.3, 0.8], [0, 0]]), tf.constant([0, 1, 0])

    np.testing.assert_allclose(
        loss.call(label, logits), [0.04858735, 0.47407698, 0.69314718], rtol=1e-6
    )
    assert float(loss(label, logits)) == pytest.approx(0.40527051)
    prior = tf.math.log([[0.75, 0.25]] * 4)
    assert float(loss(tf.constant([1, 0, 0, 0]), prior)) == pytest.approx(0.56233514)


def test_the_order_of_the_frames_reaches_the_head():
    task = ShuffleAndLearn(**SMALL, motion_source="uniform", dropout=0.0)
    model = task.build_model(tf.TensorSpec([None, 3, 8, 8, 1]), small_trunk, None)
    frames = tf.random.stateless_uniform([2, 3, 8, 8, 1], SEED)

    assert np.abs(model(frames) - model(frames[:, ::-1])).max() > 1e-3


def small_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(2, 3, 2)(image), name=name)


def test_flow_is_asked_for_unless_told_otherwise():
    split = ArraySplit({"video": np.zeros((2, 13, 8, 8, 1), np.uint8)})

    with pytest.raises(DataError, match="reads the feature 'flow'"):
        ShuffleAndLearn(**SMALL).check(split)
    ShuffleAndLearn(**SMALL, motion_source="frame_difference").check(split)


def test_short_clips_are_refused():
    split = ArraySplit({"video": np.zeros((2, 12, 8, 8, 1), np.uint8)})

    with pytest.raises(DataError, match="at least 13 x 1"):
        ShuffleAndLearn(**SMALL, motion_source="uniform").check(split)


def test_clips_of_different_lengths_are_refused():
    spec = {"video": tf.TensorSpec([None, 8, 8, 1], tf.uint8)}
    data = sslkeras.datasets.as_dataset(
        tf.data.Dataset.from_generator(
            lambda: [{"video": np.zeros((13, 8, 8, 1), np.uint8)}], output_signature=spec
        )
    )

    with pytest.raises(DataError, match="clips of one length"):
        ShuffleAndLearn(**SMALL, motion_source="uniform").check(data.train)


def test_the_papers_network_takes_a_step():
    task = ShuffleAndLearn(motion_source="frame_difference", scale_spans_to_clip=True)
    video = np.random.default_rng(0).integers(0, 255, (2, 12, 60, 80, 3), dtype=np.uint8)
    data = ArraySplit({"video": video})

    run = sslkeras.pretrain(
        task,
        sslkeras.datasets.as_dataset(data),
        "alexnet(batch_norm='plain', padding='valid')",
        steps=1,
        batch_size=2,
        optimizer="sgd",
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("fc6").kernel.shape == (6 * 6 * 256, 4096)
    assert run.model.get_layer("order").kernel.shape == (3 * 4096, 2)


def test_learns_what_can_have_happened():
    task = ShuffleAndLearn(
        positive_span=4,
        negative_margin=2,
        image_size=16,
        feature_units=32,
        head_units=32,
        dropout=0.0,
    )
    data = sslkeras.datasets.create(
        "moving_digits(num_examples=1024, num_test=256, num_digits=1, size=16, digit_size=8, "
        "num_frames=12, speed=(0.4, 0.8))"
    )

    run = sslkeras.pretrain(
        task,
        data,
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=150,
        batch_size=64,
        learning_rate=3e-3,
    )

    # Chance is 0.5 for both, whatever the share of wrong orders.
    assert run.surrogate_metrics()["auc"] > 0.75
    assert run.surrogate_metrics()["balanced_accuracy"] > 0.65
