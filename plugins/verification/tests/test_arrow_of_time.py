"""Tests of sslkeras_verification.arrow_of_time."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_verification.arrow_of_time import ArrowOfTime
from sslkeras_verification.flow_fields import in_groups

import sslkeras
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([3, 4])
UNGUARDED = {"remove_black_frame": False, "stabilize": "none", "difference_range": None}
SMALL = {"num_flow": 4, "crop_size": 16, "top_units": 4, "top_layers": 1, "dropout": 0.0}
KINDS = {
    "feature": {},
    "horn_schunck": {"flow_source": "horn_schunck"},
    "rgb_difference": {"input_type": "rgb_difference"},
}


def clips(count=3, num_frames=8, side=16):
    """Clips of digits that slow down, with their exact flow in both directions."""
    data = sslkeras.datasets.create(
        f"moving_digits(num_examples={count}, num_test=1, num_digits=1, size={side}, "
        f"digit_size=8, num_frames={num_frames}, speed=(1, 3), friction=(0.5, 0.8))"
    )
    batch = next(iter(data.train.batches(count, only=("video", "flow"))))
    video = tf.cast(batch["video"], tf.float32) / 255
    # Noise tells each field of each direction from all others.
    noise = tf.random.stateless_normal([count, num_frames - 1, side, side, 2], SEED)
    forward = batch["flow"][:, : num_frames - 1] + noise
    backward = -forward[:, ::-1] + 0.1 * noise
    return {"video": video, "flow": forward, "flow_backward": backward}


def played_backwards(batch):
    return {
        "video": batch["video"][:, ::-1],
        "flow": batch["flow_backward"],
        "flow_backward": batch["flow"],
    }


def test_stacks_have_the_papers_shape_and_order():
    number = tf.range(20, dtype=tf.float32)[:, tf.newaxis, tf.newaxis]
    flow = tf.stack([number, -number], axis=-1) * tf.ones([2, 20, 225, 230, 2])
    task = ArrowOfTime(**UNGUARDED, reverse_mode="negate", horizontal_flip=False)

    stacks, targets = task.pretext({"flow": flow}, SEED)
    forward = task.fields({"flow": flow}, tf.zeros([2], tf.int32), tf.constant([False, False]))

    assert stacks.shape == (2, 2, 224, 224, 20) and targets["direction"].shape == (2, 1)
    groups = in_groups(forward, 2)
    # u of the 11th field, the number 10, is the first channel of the second group.
    assert groups[0, 1, 0, 0, :3].numpy().tolist() == [10, -10, 11]
    assert groups[0, 0, 0, 0, -2:].numpy().tolist() == [9, -9]


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_played_backwards_is_that_window_of_the_reversed_clip(kind):
    task = ArrowOfTime(**SMALL, **KINDS[kind])
    batch = clips()
    start = tf.constant([0, 1, 3])
    direction = tf.constant([True, False, True])

    here = task.fields(batch, start, direction)
    # 8 frames: a window of 5 that begins at s ends at s + 4, which is frame 3 - s from the end.
    there = task.fields(played_backwards(batch), 3 - start, ~direction)

    np.testing.assert_allclose(here, there, atol=1e-6)
    both = [task.fields(batch, start, tf.fill([3], way)) for way in (False, True)]
    assert np.abs(both[0] - both[1]).max() > 0.1


def test_fields_of_the_dataset_are_those_of_the_window():
    task = ArrowOfTime(**{**SMALL, **UNGUARDED}, flow_clip=100.0)
    batch = clips()
    start = tf.constant([0, 1, 3])

    forward = task.fields(batch, start, tf.fill([3], False))
    backward = task.fields(batch, start, tf.fill([3], True))

    np.testing.assert_array_equal(forward[1], batch["flow"][1, 1:5])
    # The window ends at frame 5; field k of 7 of the reversed clip begins at frame 7 - k.
    np.testing.assert_array_equal(backward[1], batch["flow_backward"][1, 2:6])


def test_negated_flow_is_an_option():
    task = ArrowOfTime(**{**SMALL, **UNGUARDED}, reverse_mode="negate")
    flow = clips()["flow"]

    backward = task.fields({"flow": flow}, tf.zeros([3], tf.int32), tf.fill([3], True))

    assert set(task.reads) == {"flow"}
    np.testing.assert_array_equal(backward, -flow[:, 3::-1])


def test_a_clip_that_stands_still_has_no_flow_and_no_direction():
    task = ArrowOfTime(**SMALL, flow_source="horn_schunck", horizontal_flip=False)
    still = {"video": tf.repeat(clips()["video"][:, :1], 8, axis=1)}
    both = [task.fields(still, tf.zeros([3], tf.int32), tf.fill([3], way)) for way in (False, True)]

    np.testing.assert_array_equal(both[0], np.zeros((3, 4, 16, 16, 2)))
    np.testing.assert_array_equal(both[0], both[1])
    assert task.pretext(still, SEED)[2].numpy().tolist() == [0, 0, 0]


def test_both_directions_are_as_frequent_as_asked():
    batch = {"flow": tf.zeros([10_000, 2, 8, 8, 2])}
    for share in (0.5, 0.2):
        task = ArrowOfTime(
            num_flow=2, crop_size=8, reverse_mode="negate", backward_prob=share, **UNGUARDED
        )
        found = tf.reduce_mean(tf.cast(task.pretext(batch, SEED)[1]["direction"], tf.float32))
        # Within 3 sigma of 10,000 draws.
        assert abs(found - share) < 3 * math.sqrt(share * (1 - share) / 10_000)


def test_one_of_five_squares_is_cut_out_of_all_fields_and_mirrored_with_u_negated():
    rows, columns = tf.meshgrid(tf.range(12.0), tf.range(14.0), indexing="ij")
    flow = tf.stack([100 + columns, rows], axis=-1) * tf.ones([400, 2, 12, 14, 2])
    task = ArrowOfTime(
        num_flow=2, num_groups=1, crop_size=8, flow_clip=1000.0, reverse_mode="negate", **UNGUARDED
    )

    stacks, targets = task.pretext({"flow": flow}, SEED)
    sign = tf.cast(1 - 2 * targets["direction"], tf.float32)[:, :, tf.newaxis, tf.newaxis]
    fields = (stacks[:, 0] * sign).numpy()  # (400, 8, 8, u v u v), all forwards

    np.testing.assert_array_equal(fields[..., :2], fields[..., 2:])
    mirrored = fields[:, 0, 0, 0] < 0
    assert 0.4 < mirrored.mean() < 0.6
    left = np.abs(fields[:, 0, :, 0]).min(axis=1) - 100
    corners = np.stack([fields[:, 0, 0, 1], left], axis=1)
    found, counts = np.unique(corners, axis=0, return_counts=True)
    assert found.tolist() == [[0, 0], [0, 6], [2, 3], [4, 0], [4, 6]] and counts.min() > 50
    # Columns of a mirrored square run backwards.
    np.testing.assert_array_equal(np.diff(fields[mirrored, 0, :, 0]), 1.0)
    np.testing.assert_array_equal(np.diff(fields[~mirrored, 0, :, 0]), 1.0)


def test_differences_of_pixels_keep_their_sign_in_the_mirror():
    task = ArrowOfTime(
        num_flow=2, crop_size=8, input_type="rgb_difference", backward_prob=1e-9, **UNGUARDED
    )
    brighter = tf.range(3.0)[:, tf.newaxis, tf.newaxis, tf.newaxis] * tf.ones([20, 3, 8, 8, 1]) / 4

    stacks, _ = task.pretext({"video": brighter}, SEED)

    np.testing.assert_allclose(stacks, np.full((20, 2, 8, 8, 1), 0.25))


def test_displacements_are_clipped():
    flow = tf.constant([-30.0, 12.0]) * tf.ones([1, 2, 8, 8, 2])
    task = ArrowOfTime(num_flow=2, crop_size=8, reverse_mode="negate", flow_clip=20, **UNGUARDED)

    fields = task.fields({"flow": flow}, tf.constant([0]), tf.constant([False]))

    assert fields[0, 0, 0, 0].numpy().tolist() == [-20, 12]


def test_still_clips_and_cuts_count_nothing():
    video = clips(count=4)["video"].numpy()
    video[1] = video[1, :1]
    video[2, 4:] = 1 - video[2, 4:]
    task = ArrowOfTime(**{**SMALL, "num_flow": 6}, flow_source="horn_schunck")

    weights = task.pretext({"video": tf.constant(video)}, SEED)[2]

    assert weights.numpy().tolist() == [2, 0, 0, 2]


def barred(batch, direction=1):
    """Clips with black bars of two rows whose brightness drifts with time."""
    video = batch["video"].numpy()
    drift = 0.05 * np.arange(video.shape[1], dtype=np.float32)[::direction] / video.shape[1]
    video[:, :, [0, 1, -2, -1]] = drift[:, np.newaxis, np.newaxis, np.newaxis]
    return {**batch, "video": tf.constant(video)}


@pytest.mark.parametrize("kind", KINDS)
def test_black_bars_leave_no_trace(kind):
    batch = clips()
    arguments = {**SMALL, **KINDS[kind]}
    start, direction = tf.zeros([3], tf.int32), tf.constant([True, False, True])

    def fields(drift, **more):
        task = ArrowOfTime(**arguments, **more)
        return task.fields(barred(batch, drift), start, direction)

    np.testing.assert_array_equal(fields(1), fields(-1))
    hidden = 4 if kind == "feature" else 2
    np.testing.assert_array_equal(fields(1)[:, :, :hidden], fields(1)[:, :, :hidden] * 0)
    if kind == "rgb_difference":
        seen = [fields(drift, remove_black_frame=False) for drift in (1, -1)]
        assert np.abs(seen[0] - seen[1]).max() > 0.01


def test_pans_leave_no_trace():
    batch = clips()
    panned = {**batch, "flow": batch["flow"] + [1.5, -0.5]}
    task = ArrowOfTime(**SMALL, remove_black_frame=False)
    forwards = tf.zeros([3], tf.int32), tf.fill([3], False)

    np.testing.assert_allclose(
        task.fields(panned, *forwards), task.fields(batch, *forwards), atol=1e-5
    )


def test_the_loss_is_the_binary_cross_entropy_of_logits():
    loss = ArrowOfTime().loss()["direction"]
    logits, labels = tf.constant([[2.0], [-1.0], [0.5]]), tf.constant([[1], [0], [0]])

    apart = [float(loss(labels[i : i + 1], logits[i : i + 1])) for i in range(3)]
    np.testing.assert_allclose(apart, [0.12692801, 0.31326169, 0.97407698], rtol=1e-6)
    assert float(loss(labels, logits)) == pytest.approx(0.47142223)
    assert float(loss([[1]], [[0.0]])) == pytest.approx(math.log(2))


def built(task, encoder="convnet(filters=(4, 6), strides=(2, 1))", batch=None):
    batch = batch or clips()
    inputs = task.pretext({name: batch[name] for name in task.reads}, SEED)[0]
    specs = tf.TensorSpec([None, *inputs.shape[1:]])
    return task.build_model(specs, sslkeras.encoders.create(encoder), None), inputs


def test_groups_are_fused_in_temporal_order():
    task = ArrowOfTime(**SMALL)
    model, inputs = built(task)
    trunk = model.get_layer("encoder")

    fused = keras.Model(model.input, model.get_layer("fused").output)(inputs)

    assert trunk.input_shape == (None, 16, 16, 4)
    for number in range(2):
        expected = trunk(inputs[:, number] / 20)  # In units of `flow_clip`.
        np.testing.assert_allclose(fused[..., 6 * number : 6 * number + 6], expected, atol=1e-5)


def test_the_evidence_means_the_logit():
    model, inputs = built(ArrowOfTime(**SMALL))
    outputs = model(inputs)

    assert outputs["direction"].shape == (3, 1) and outputs["evidence"].shape == (3, 8, 8)
    mean = tf.reduce_mean(outputs["evidence"], axis=(1, 2))[:, tf.newaxis]
    np.testing.assert_allclose(outputs["direction"], mean, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoder_takes_raw_clips_as_in_pretraining(kind):
    task = ArrowOfTime(**SMALL, **KINDS[kind], remove_black_frame=False, horizontal_flip=False)
    batch = clips()
    model, _ = built(task, batch=batch)
    encoder = task.encoders(model)["encoder"]
    read = task.encoder_reads()["encoder"]

    # Of 8 frames, or 7 fields, the middle ones are those from the second on.
    middle = task.fields(batch, tf.fill([3], 1), tf.fill([3], False))
    scale = 1 if kind == "rgb_difference" else 20
    stacks = in_groups(middle, 2) / scale
    expected = tf.stack([model.get_layer("encoder")(stacks[:, i]) for i in range(2)], axis=1)
    np.testing.assert_allclose(encoder(batch[read]), expected, atol=1e-5)


def test_the_encoder_cuts_the_middle_out_of_larger_clips():
    task = ArrowOfTime(**{**SMALL, "crop_size": 8}, input_type="rgb_difference")
    batch = clips()
    model, _ = built(task, batch=batch)
    encoder = task.encoders(model)["encoder"]

    np.testing.assert_allclose(
        encoder(batch["video"]), encoder(batch["video"][:, 1:6, 4:12, 4:12]), atol=1e-6
    )


def test_what_cannot_work_is_refused():
    with pytest.raises(ConfigurationError, match="`num_groups` of ArrowOfTime must divide"):
        ArrowOfTime(num_flow=5, num_groups=2)
    with pytest.raises(ConfigurationError, match="trunk with an output"):
        built(ArrowOfTime(**SMALL), "mlp(hidden_sizes=(4,))")
    task = ArrowOfTime(**SMALL)
    with pytest.raises(DataError, match="reads the feature 'flow_backward'"):
        task.check(sslkeras.datasets.create("moving_digits(num_examples=2, num_test=1)").train)
    with pytest.raises(DataError, match="one field less than it has frames"):
        task.check(sslkeras.datasets.ArraySplit({**clips(), "flow": np.zeros((3, 8, 16, 16, 2))}))
    examples = tf.data.Dataset.from_generator(
        list, output_signature={n: tf.TensorSpec([None, 16, 16, None]) for n in task.reads}
    )
    with pytest.raises(DataError, match="clips of one length"):
        task.check(sslkeras.datasets.Given(examples).train)


def test_the_papers_network_takes_a_step():
    task = ArrowOfTime(**UNGUARDED, reverse_mode="negate")
    data = tf.data.Dataset.from_tensors(
        {"flow": tf.random.stateless_normal([20, 232, 256, 2], SEED)}
    )

    run = sslkeras.pretrain(
        task,
        data.repeat(2),
        "vgg16(batch_norm='after', pool5=False)",
        steps=1,
        batch_size=2,
        optimizer="sgd",
    )

    assert math.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("encoder").output_shape == (None, 14, 14, 512)
    assert run.model.get_layer("top1").kernel.shape == (3, 3, 1024, 1024)
    assert run.model.output_shape["evidence"] == (None, 14, 14)


def digits(more, count=640):
    return sslkeras.datasets.create(
        f"moving_digits(num_examples={count}, num_test=128, num_digits=1, size=16, digit_size=8, "
        f"num_frames=7, speed=(1.5, 2.5){more})"
    )


def trained(data, **arguments):
    return sslkeras.pretrain(
        ArrowOfTime(**{**SMALL, "num_flow": 6, "flow_clip": 2.0, "top_units": 16, **arguments}),
        data,
        "convnet(filters=(16, 16), strides=(1, 2))",
        steps=60,
        batch_size=64,
        learning_rate=3e-3,
    )


def test_learns_that_digits_slow_down_and_where_it_is_seen():
    data = digits(", friction=(0.5, 0.7)")

    run = trained(data, flow_source="horn_schunck")

    # Chance is 0.5.
    assert run.surrogate_metrics()["accuracy"] > 0.9
    batch = next(iter(data.test.batches(128)))
    video = tf.cast(batch["video"], tf.float32) / 255
    inputs, _ = ArrowOfTime(
        **{**SMALL, "num_flow": 6, "flow_clip": 2.0},
        flow_source="horn_schunck",
        horizontal_flip=False,
        difference_range=None,
    ).pretext({"video": video}, SEED)
    energy = tf.abs(run.model.predict(inputs, verbose=0)["evidence"])
    seen = tf.nn.max_pool2d(tf.reduce_max(video, axis=1), 2, 2, "VALID")[..., 0] > 0.1
    seen = tf.cast(seen, tf.float32)
    inside = tf.reduce_sum(energy * seen) / tf.reduce_sum(energy)
    assert inside > 1.2 * tf.reduce_mean(seen)


def test_a_drifting_bar_tells_the_direction_unless_it_is_removed():
    free = digits("", count=640)  # At constant speed there is nothing to tell.

    def split(one):
        return sslkeras.datasets.ArraySplit(
            {
                "video": np.concatenate(
                    [
                        barred({"video": tf.cast(batch["video"], tf.float32) / 255})["video"]
                        for batch in one.batches(64, only=("video",))
                    ]
                )
            }
        )

    data = sslkeras.datasets.Given(split(free.train), split(free.test))

    accuracy = [
        trained(data, input_type="rgb_difference", remove_black_frame=guard).surrogate_metrics()[
            "accuracy"
        ]
        for guard in (False, True)
    ]

    assert accuracy[0] > 0.9
    # 128 examples: 3 sigma are 0.13.
    assert abs(accuracy[1] - 0.5) < 0.15
