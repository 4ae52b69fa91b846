"""Tests of sslkeras_verification.sequence_sorting and what only it uses."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.frame_orders import (
    RELEASED,
    class_of,
    order_classes,
    released_classes,
    slot_pairs,
)
from sslkeras_verification.sequence_sorting import SequenceSorting, apart, split_channels
from sslkeras_verification.slot_pairs import SlotPairs

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import DataError

SEED = tf.constant([3, 4])
SMALL = {
    "patch_size": 8,
    "region_margin": 4,
    "spatial_jitter": 2,
    "fc6_units": 8,
    "fc7_units": 6,
    "motion_source": "none",
}


def numbered_clips(count, num_frames, side=12):
    """Clips whose frames are filled with their own number."""
    numbers = tf.range(num_frames, dtype=tf.float32)[:, None, None, None]
    return tf.repeat((numbers * tf.ones([1, side, side, 1]))[tf.newaxis], count, axis=0)


def test_classes_are_numbered_as_specified():
    four = "0123 0132 0213 0231 0312 0321 1023 1032 1203 1302 2013 2103".split()

    assert ["".join(map(str, order)) for order in order_classes(4).tolist()] == four
    assert order_classes(3).tolist() == [[0, 1, 2], [0, 2, 1], [1, 0, 2]]
    assert [len(order_classes(n)) for n in (3, 4, 5, 6)] == [3, 12, 60, 360]


@pytest.mark.parametrize("num_frames", [3, 4, 5])
def test_each_class_is_an_order_and_its_reversal(num_frames):
    members = {}
    for order in itertools.permutations(range(num_frames)):
        assert class_of(order) == class_of(order[::-1])
        members.setdefault(class_of(order), []).append(order)

    assert sorted(members) == list(range(math.factorial(num_frames) // 2))
    assert {len(orders) for orders in members.values()} == {2}


@pytest.mark.parametrize(
    ("published", "number"),
    [("4321", 0), ("2431", 2), ("4132", 8), ("2413", 10), ("3412", 7), ("4213", 9)],
)
def test_the_releases_numbers_are_known(published, number):
    order = tuple(int(digit) - 1 for digit in published)

    assert order in (RELEASED[number], RELEASED[number][::-1])
    assert released_classes()[number] == class_of(order)


def test_the_releases_classes_are_all_orders():
    both = {*RELEASED, *(order[::-1] for order in RELEASED)}

    assert both == set(itertools.permutations(range(4)))
    assert sorted(released_classes()) == list(range(12))


def test_shuffled_frames_have_the_class_of_their_order():
    task = SequenceSorting(**SMALL)

    frames, label = task.pretext({"video": numbered_clips(3000, 20)}, SEED)

    shown = frames[:, :, 0, 0, 0].numpy()
    # Which frame, counted in time, stands in which place.
    orders = shown.argsort(axis=1).argsort(axis=1)
    assert [class_of(order) for order in orders] == label.numpy().tolist()
    assert len({tuple(order) for order in orders}) == 24
    # Three standard deviations.
    share = np.bincount(label, minlength=12) / 3000
    np.testing.assert_allclose(share, 1 / 12, atol=3 * math.sqrt(11 / 144 / 3000))
    forwards = (orders[:, 0] < orders[:, -1]).mean()
    assert forwards == pytest.approx(0.5, abs=3 * math.sqrt(0.25 / 3000))


def test_frames_lie_at_equal_steps_of_motion():
    task = SequenceSorting(**{**SMALL, "motion_source": "frame_difference"})
    motion = np.zeros((400, 40), np.float32)
    motion[:, 4:8] = 1.0
    motion[:, 30:34] = 1.0  # Nothing moves between.

    times = task.draw_frames(motion, SEED, 41).numpy()

    # Each eighth of the motion is one frame; two frames in each moving part.
    assert np.all((times[:, :2] >= 4) & (times[:, :2] < 8))
    assert np.all((times[:, 2:] >= 30) & (times[:, 2:] < 34))
    assert np.all(np.diff(times, axis=1) >= 1)
    assert len(np.unique(times[:, 0])) > 1


def test_without_motion_frames_spread_over_the_clip():
    task = SequenceSorting(**SMALL)

    times = task.draw_frames(tf.zeros([500, 32]), SEED, 33).numpy()

    np.testing.assert_array_equal(times // 8, np.tile(np.arange(4), (500, 1)))


def test_no_frame_is_taken_twice():
    times = tf.constant([[5, 5, 5, 5], [9, 9, 9, 9], [0, 0, 3, 3], [7, 8, 8, 9]])

    np.testing.assert_array_equal(
        apart(times, 10), [[5, 6, 7, 8], [6, 7, 8, 9], [0, 1, 3, 4], [6, 7, 8, 9]]
    )


def test_a_fixed_interval_begins_where_most_moves():
    task = SequenceSorting(**{**SMALL, "motion_source": "frame_difference"}, frame_interval=3)
    motion = np.zeros((300, 30), np.float32)
    motion[:, 15] = 1.0

    times = task.draw_frames(motion, SEED, 31).numpy()

    np.testing.assert_array_equal(np.diff(times, axis=1), 3)
    assert set(times[:, 0]) == set(range(7, 16))  # First <= 15 < first + 9.
    assert task.reads["video"][0] == 10


def test_the_region_lies_where_it_moves():
    task = SequenceSorting(**{**SMALL, "motion_source": "frame_difference"})
    maps = np.zeros((200, 5, 40, 50), np.float32)
    maps[:, 2, 20, 30] = 1.0

    region = task.draw_region(maps, SEED).numpy()

    # A region of 12 pixels holds row 20 and column 30.
    assert set(region[:, 0]) <= set(range(9, 21))
    assert set(region[:, 1]) <= set(range(19, 31))
    assert len(np.unique(region[:, 0])) > 6


def test_each_frame_is_shifted_on_its_own_within_the_region():
    task = SequenceSorting(**SMALL)
    region = tf.repeat([[10, 20]], 4000, axis=0)

    corners, mirrored = task.draw_crops(region, SEED)
    place = corners.numpy() - [10, 20]

    assert place.min() == 0
    assert place.max() == 4
    # Two frames of one base are at most 2 + 2 pixels apart, and often apart.
    assert np.ptp(place, axis=1).max() <= 4
    assert np.mean(np.ptp(place, axis=1) > 0) > 0.8
    assert np.mean(mirrored) == pytest.approx(0.5, abs=3 * math.sqrt(0.25 / 4000))


def test_a_shift_out_of_the_region_is_left_out():
    task = SequenceSorting(**{**SMALL, "region_margin": 1, "spatial_jitter": 1})

    corners, _ = task.draw_crops(tf.zeros([4000, 2], tf.int32), SEED)

    # A frame of base 0 stays there in 2 of 3 cases (shift 0, and -1 left out), as one of
    # base 1 does: equally often 0 and 1, and two frames agree with (2/3)^2 + (1/3)^2 = 5/9.
    row = corners[:, :, 0].numpy()
    assert np.mean(row[:, 0] == row[:, 1]) == pytest.approx(5 / 9, abs=0.03)


def test_without_jitter_and_splitting_frames_are_raw_crops():
    task = SequenceSorting(
        **{**SMALL, "spatial_jitter": 0}, channel_splitting=False, mirror=False, num_frames=3
    )
    video = tf.random.stateless_uniform([5, 9, 12, 12, 3], SEED)

    frames, _ = task.pretext({"video": video}, SEED)

    for shown, clip in zip(frames.numpy(), video.numpy(), strict=True):
        crops = np.lib.stride_tricks.sliding_window_view(clip, (8, 8), axis=(1, 2))
        crops = np.moveaxis(crops, 3, -1)  # (time, rows, columns, 8, 8, channels)
        places = [
            np.argwhere((crops == one[None, None, None]).all(axis=(3, 4, 5)))[0] for one in shown
        ]
        assert len({tuple(place[1:]) for place in places}) == 1  # One corner for all frames.
        assert len({place[0] for place in places}) == 3


def test_a_channel_takes_the_place_of_all():
    frames = tf.ones([200, 2, 3, 3, 1]) * [10.0, 20.0, 30.0]

    split = split_channels(frames, SEED).numpy()

    assert {tuple(pixel) for pixel in split[:, :, 1, 1].reshape(-1, 3).tolist()} == {
        (10.0, 10.0, 10.0),
        (20.0, 20.0, 20.0),
        (30.0, 30.0, 30.0),
    }
    assert np.all(split == split[:, :, :1, :1, :1])
    assert np.mean(split[:, 0, 0, 0, 0] == split[:, 1, 0, 0, 0]) == pytest.approx(1 / 3, abs=0.1)


def test_grey_frames_have_no_channels_to_split():
    frames = tf.random.stateless_uniform([2, 2, 3, 3, 1], SEED)

    assert split_channels(frames, SEED) is frames


def test_pairs_are_neighbours_first_and_keep_the_places():
    assert slot_pairs(4) == ((0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3))

    pairs = SlotPairs(slot_pairs(3))(tf.constant([[[1.0, 2], [3, 4], [5, 6]]]))

    np.testing.assert_array_equal(pairs, [[[1, 2, 3, 4], [3, 4, 5, 6], [1, 2, 5, 6]]])


def small_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(2, 3, 2)(image), name=name)


def test_pairs_share_one_layer_and_the_answer_depends_on_the_places():
    task = SequenceSorting(**SMALL, dropout=0.0)
    model = task.build_model(tf.TensorSpec([None, 4, 8, 8, 1]), small_trunk, None)
    frames = tf.random.stateless_uniform([2, 4, 8, 8, 1], SEED)

    assert model.get_layer("fc7").kernel.shape == (2 * 8, 6)
    assert model.get_layer("order").kernel.shape == (6 * 6, 12)
    assert np.abs(model(frames) - model(frames[:, ::-1])).max() > 1e-3


def test_the_papers_network_takes_a_step():
    task = SequenceSorting(motion_source="frame_difference")
    video = np.random.default_rng(0).integers(0, 255, (2, 12, 120, 130, 3), dtype=np.uint8)
    data = ArraySplit({"video": video})

    run = sslkeras.pretrain(
        task,
        sslkeras.datasets.as_dataset(data),
        "alexnet(batch_norm='affine')",
        steps=1,
        batch_size=2,
        optimizer="sgd",
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("fc7").kernel.shape == (2048, 512)
    assert run.model.get_layer("order").kernel.shape == (3072, 12)


def test_chance_is_the_logarithm_of_the_number_of_classes():
    for num_frames, chance in ((3, 1.09861229), (4, 2.48490665)):
        logits = tf.zeros([1, len(order_classes(num_frames))])
        loss = SequenceSorting(num_frames=num_frames).loss()(tf.constant([1]), logits)
        assert float(loss) == pytest.approx(chance)


def test_a_narrow_margin_is_warned_of(capsys):
    SequenceSorting(region_margin=9, spatial_jitter=5)
    assert "twice `spatial_jitter`" in capsys.readouterr().err

    SequenceSorting()
    assert not capsys.readouterr().err


def test_data_that_does_not_fit_is_refused():
    def split(*shape):
        return ArraySplit({"video": np.zeros((1, *shape), np.uint8)})

    task = SequenceSorting(**SMALL)
    with pytest.raises(DataError, match="1 or 3 channels"):
        task.check(split(8, 12, 12, 2))
    with pytest.raises(DataError, match="at least 4 x 12 x 12"):
        task.check(split(8, 12, 11, 3))
    with pytest.raises(DataError, match="reads the feature 'flow'"):
        SequenceSorting(**{**SMALL, "motion_source": "feature"}).check(split(8, 12, 12, 3))
    task.check(split(4, 12, 12, 1))


def sorting_of(video, steps):
    """Accuracy after a short training on clips and on others like them."""
    task = SequenceSorting(
        num_frames=3,
        patch_size=16,
        region_margin=2,
        spatial_jitter=1,
        fc6_units=32,
        fc7_units=32,
        dropout=0.0,
        motion_source="frame_difference",
    )
    return sslkeras.pretrain(
        task,
        video,
        "convnet(filters=(16, 32), strides=(2, 2))",
        steps=steps,
        batch_size=64,
        learning_rate=3e-3,
    ).surrogate_metrics()["accuracy"]


def test_learns_to_sort():
    clips = (
        "moving_digits(num_examples=1024, num_test=256, num_digits=1, size=18, digit_size=8, "
        "num_frames=10, speed=(0.8, 1.2))"
    )

    # Chance is 1/3, with a deviation of 0.03 over 256 clips.
    assert sorting_of(clips, steps=240) > 0.48


def test_still_clips_cannot_be_sorted():
    random = np.random.default_rng(0)

    def still(count):
        frame = random.integers(0, 255, (count, 1, 18, 18, 3), dtype=np.uint8)
        return ArraySplit({"video": np.repeat(frame, 6, axis=1)})

    # Jitter, channels and mirroring give nothing away: three deviations of 600 guesses.
    accuracy = sorting_of(sslkeras.datasets.Given(still(512), still(600)), steps=60)
    assert accuracy == pytest.approx(1 / 3, abs=3 * math.sqrt(2 / 9 / 600))
