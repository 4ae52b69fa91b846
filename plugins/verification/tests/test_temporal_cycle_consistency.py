"""Tests of sslkeras_verification.temporal_cycle_consistency."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.digit_processes import DigitProcesses
from sslkeras_verification.temporal_cycle_consistency import TemporalCycleConsistency

import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.datasets.dataset import Order
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([1, 2])
PLAIN = {"flip": 0.0, "brightness": 0.0, "contrast": 0.0, "image_size": 8}
SMALL = {
    **PLAIN,
    "num_frames": 4,
    "num_context": 2,
    "context_stride": 2,
    "conv_filters": (4,),
    "dense_units": (6,),
    "embedding_size": 5,
    "dropout": 0.0,
    "l2": 0.0,
}


def counting(videos=12, time=15, classes=3):
    """Videos whose pixels tell the video and the frame."""
    number = np.arange(videos)[:, None] * 20 + np.arange(time)
    pixels = np.broadcast_to(number[..., None, None, None], (videos, time, 8, 8, 1))
    return ArraySplit(
        {
            "video": pixels.astype(np.uint8),
            "num_frames": np.full(videos, time - 3, np.int32),
            "label": (np.arange(videos) % classes).astype(np.int32),
        }
    )


def sets(task, split, count=6):
    batches = task.raw_batches(split, count, order=Order(0))
    return {name: value.numpy() for name, value in next(iter(batches)).items()}


def test_sets_hold_different_videos_of_one_activity():
    batch = sets(TemporalCycleConsistency(**SMALL, videos_per_set=2), counting(), 5)

    video = batch["frames"][..., 0, 0, 0] // 20  # (sets, videos, T, k)
    assert (video == video[:, :, :1, :1]).all()
    video = video[:, :, 0, 0]
    assert (video[:, 0] != video[:, 1]).all()
    assert (video[:, 0] % 3 == video[:, 1] % 3).all()
    assert len(set(video[:, 0] % 3)) > 1


def test_frames_are_drawn_in_order_with_their_past_and_without_the_padding():
    batch = sets(TemporalCycleConsistency(**SMALL), counting())

    steps, moment = batch["steps"], batch["frames"][..., 0, 0, 0] % 20
    assert (np.diff(steps, axis=-1) > 0).all()
    assert steps.min() >= 1 and steps.max() <= 11
    np.testing.assert_array_equal(moment[..., 1], steps)
    np.testing.assert_array_equal(moment[..., 0], np.maximum(steps - 2, 0))
    np.testing.assert_array_equal(batch["length"], 12)
    assert len({tuple(row) for row in steps.reshape(-1, 4)}) > 3


def test_frames_may_be_oblong():
    task = TemporalCycleConsistency(**{**SMALL, "image_size": (9, 12)})
    batch = next(iter(task.raw_batches(counting(), 2, order=Order(0))))

    frames, _ = task.pretext(batch, SEED)

    assert frames.shape == (2, 2, 4, 2, 9, 12, 1)


def test_short_videos_repeat_their_last_frame():
    task = TemporalCycleConsistency(**SMALL)

    np.testing.assert_array_equal(task.draw_steps(3, SEED), [0, 1, 2, 2])
    np.testing.assert_array_equal(task.draw_steps(1, SEED), [0, 0, 0, 0])
    np.testing.assert_array_equal(task.draw_steps(5, SEED), [1, 2, 3, 4])


def test_even_steps_begin_anywhere():
    task = TemporalCycleConsistency(**SMALL, sampling="stride", stride=3)

    drawn = np.array([task.draw_steps(14, SEED + seed) for seed in range(60)])

    assert set(drawn[:, 0]) == {0, 1, 2, 3, 4}
    assert (np.diff(drawn) == 3).all()
    np.testing.assert_array_equal(task.draw_steps(8, SEED), [0, 3, 6, 7])


def test_every_frame_but_the_first_is_drawn_equally_often():
    task = TemporalCycleConsistency(**SMALL)

    drawn = np.array([task.draw_steps(9, SEED + seed) for seed in range(400)])

    counts = np.bincount(drawn.ravel(), minlength=9)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:], 200, atol=4 * math.sqrt(100))


def test_frames_of_a_video_change_alike_and_those_of_others_by_themselves():
    task = TemporalCycleConsistency(
        **{**SMALL, "flip": 0.5, "brightness": 0.2, "contrast": 0.4}, videos_per_set=3
    )
    image = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32) * 0.4 + 0.3
    batch = {
        "frames": tf.broadcast_to(image, [10, 3, 4, 2, 8, 8, 3]),
        "steps": tf.zeros([10, 3, 4], tf.int32),
        "length": tf.ones([10, 3], tf.int32),
    }

    frames = task.pretext(batch, SEED)[0].numpy()

    np.testing.assert_allclose(frames, np.broadcast_to(frames[:, :, :1, :1], frames.shape))
    each = frames[:, :, 0, 0].reshape(30, 8, 8, 3)
    assert len(np.unique(np.round(each.mean(axis=(1, 2, 3)), 5))) == 30
    centred = each - each.mean(axis=(1, 2), keepdims=True)
    plain = image - image.mean(axis=(0, 1))
    mirrored = [
        np.abs(np.corrcoef(one.ravel(), plain[:, ::-1].ravel())[0, 1]) > 0.9 for one in centred
    ]
    assert 5 < sum(mirrored) < 25


def test_a_crop_is_the_same_part_of_all_frames_of_a_video():
    # A ramp tells from two of its pixels where a part begins and how long it is.
    rows, columns = np.meshgrid(np.arange(8.0), np.arange(8.0), indexing="ij")
    image = np.stack([rows, columns, np.full((8, 8), 3.5)], axis=-1).astype(np.float32) / 8
    batch = {
        "frames": tf.broadcast_to(image, [40, 3, 4, 2, 8, 8, 3]),
        "steps": tf.zeros([40, 3, 4], tf.int32),
        "length": tf.ones([40, 3], tf.int32),
    }
    task = TemporalCycleConsistency(**SMALL, videos_per_set=3, crop=0.5)

    frames = task.pretext(batch, SEED)[0].numpy()

    np.testing.assert_allclose(frames, np.broadcast_to(frames[:, :, :1, :1], frames.shape))
    each = frames[:, :, 0, 0].reshape(120, 8, 8, 3)
    np.testing.assert_allclose(each[..., 2], 3.5 / 8, rtol=1e-5)
    tall = each[:, -1, 0, 0] - each[:, 0, 0, 0]
    wide = each[:, 0, -1, 1] - each[:, 0, 0, 1]
    np.testing.assert_allclose(tall, wide, atol=1e-5)
    side = tall * 8 / 7
    assert 0.5 <= side.min() < 0.53 and 0.97 < side.max() <= 1.0
    for corner in (each[:, 0, 0, 0], each[:, 0, 0, 1]):
        place = corner * 8 / 7 / (1 - side)
        assert -1e-4 <= place.min() < 0.05 and 0.95 < place.max() <= 1.0001
    assert (
        abs(np.corrcoef(each[:, 0, 0, 0] / (1 - side), each[:, 0, 0, 1] / (1 - side))[0, 1]) < 0.3
    )


def test_times_are_parts_of_the_length_or_frames():
    batch = sets(TemporalCycleConsistency(**SMALL), counting())
    batch["frames"] = batch["frames"].astype(np.float32)

    part = TemporalCycleConsistency(**SMALL).pretext(batch, SEED)[1]["time"]
    frames = TemporalCycleConsistency(**SMALL, normalize_indices=False).pretext(batch, SEED)[1]

    np.testing.assert_allclose(part, batch["steps"] / 12, rtol=1e-6)
    np.testing.assert_array_equal(frames["time"], batch["steps"])


def test_drawn_cycles_have_different_videos_and_begin_anywhere():
    task = TemporalCycleConsistency(
        **SMALL, videos_per_set=3, stochastic_matching=True, num_cycles=50, cycle_length=2
    )
    batch = sets(task, counting())
    batch["frames"] = batch["frames"].astype(np.float32)

    targets = task.pretext(batch, SEED)[1]

    cycles = targets["cycles"].numpy()
    assert cycles.shape == (6, 50, 2) and (cycles[..., 0] != cycles[..., 1]).all()
    assert set(cycles[..., 0].ravel()) == {0, 1, 2}
    assert set(targets["starts"].numpy().ravel()) == {0, 1, 2, 3}


def test_the_encoder_gives_what_training_sees():
    task = TemporalCycleConsistency(**SMALL)
    split = counting()
    model = task.build_model(
        tf.TensorSpec([None, 2, 4, 2, 8, 8, 1]),
        sslkeras.encoders.create("convnet(filters=(4,), strides=(2,))"),
        None,
    )
    batch = sets(task, split)
    frames = tf.constant(batch["frames"].astype(np.float32) / 255)
    video = (batch["frames"][:, :, 0, 0, 0, 0, 0] // 20)[0, 0]
    clip = next(iter(split.batches(12)))["video"].numpy()[video : video + 1] / np.float32(255)

    embeddings = model(frames)[0, 0]
    of_clip = task.encoders(model)["encoder"](clip)[0]

    np.testing.assert_allclose(embeddings, tf.gather(of_clip, batch["steps"][0, 0]), atol=1e-5)


def test_normalised_embeddings_are_what_is_compared_and_what_the_encoder_gives():
    task = TemporalCycleConsistency(**SMALL, normalize_embeddings=True)
    model = task.build_model(
        tf.TensorSpec([None, 2, 4, 2, 8, 8, 1]),
        sslkeras.encoders.create("convnet(filters=(4,), strides=(2,))"),
        None,
    )
    frames = tf.random.stateless_uniform([3, 2, 4, 2, 8, 8, 1], SEED)

    embeddings = model(frames)
    of_clip = task.encoders(model)["encoder"](frames[:, 0, :, 0])

    np.testing.assert_allclose(tf.norm(embeddings, axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(tf.norm(of_clip, axis=-1), 1.0, atol=1e-5)


def test_without_context_the_encoder_takes_frames():
    task = TemporalCycleConsistency(**{**SMALL, "num_context": 1})
    model = task.build_model(
        tf.TensorSpec([None, 2, 4, 1, 8, 8, 1]), sslkeras.encoders.create("mlp"), None
    )

    encoder = task.encoders(model)["encoder"]
    assert encoder.input_shape == (None, 8, 8, 1) and encoder.output_shape == (None, 5)
    # Vectors of single frames need no convolution.
    assert not [layer for layer in encoder.submodules if isinstance(layer, keras.layers.Conv3D)]


@pytest.mark.parametrize(("which", "moving"), [("all", 4), ("batch_norm", 2), ("none", 0)])
def test_weights_of_the_trunk_learn_as_told(which, moving):
    task = TemporalCycleConsistency(**SMALL, train_base=which)
    model = task.build_model(
        tf.TensorSpec([None, 2, 4, 2, 8, 8, 1]),
        sslkeras.encoders.create("convnet(filters=(4, 4), strides=(2, 1))"),
        None,
    )

    learning = {id(weight) for weight in model.players()["model"]}
    of_base = [w for w in model.get_layer("base").trainable_weights if id(w) in learning]

    # Two kernels, and scale and shift of two normalisations.
    assert len(of_base) == {"all": 6, "batch_norm": 4, "none": 0}[which]
    assert len(learning) - len(of_base) == len(model.get_layer("embedder").trainable_weights)


def test_arguments_and_data_that_do_not_fit_are_refused():
    with pytest.raises(ConfigurationError, match="`cycle_length` .* at most `videos_per_set`"):
        TemporalCycleConsistency(stochastic_matching=True, cycle_length=3)
    with pytest.raises(ConfigurationError, match="`loss_type`"):
        TemporalCycleConsistency(loss_type="mse")
    with pytest.raises(DataError, match="gray or colour frames of one known size"):
        TemporalCycleConsistency().check(ArraySplit({"video": np.zeros((2, 5, 8, 8, 2))}))


def test_the_papers_network_takes_a_step():
    video = np.random.default_rng(0).integers(0, 255, (4, 22, 24, 32, 3), dtype=np.uint8)
    task = TemporalCycleConsistency(num_frames=3, train_base="batch_norm")

    run = sslkeras.pretrain(
        task,
        sslkeras.datasets.as_dataset(ArraySplit({"video": video})),
        "resnet50(last_block='stage3_3')",
        steps=1,
        batch_size=1,
        learning_rate=1e-4,
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("base").output_shape == (None, 14, 14, 1024)
    assert run.encoders["encoder"].output_shape == (None, None, 128)


def test_learns_to_align_videos():
    data = DigitProcesses(num_examples=40, num_test=8, lengths=(14, 18), clutter=2, noise=0.05)
    task = TemporalCycleConsistency(
        **{
            **SMALL,
            "image_size": 32,
            "num_frames": 8,
            "num_context": 1,
            "conv_filters": (),
            "dense_units": (),
            "embedding_size": 16,
        },
        videos_per_set=4,
    )

    run = sslkeras.pretrain(
        task,
        data,
        "convnet(filters=(8, 16, 16), strides=(2, 2, 2))",
        steps=120,
        batch_size=2,
        learning_rate=3e-3,
        validate_every=0,
    )
    rows = {row.protocol: row for row in sslkeras.evaluate(run, pictures=False).probes}

    tau = {name: rows["kendall_tau"].metrics(name)["tau"] for name in ("pretrained", "random init")}
    assert tau["pretrained"] > tau["random init"] + 0.15
