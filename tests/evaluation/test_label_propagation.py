"""Tests of sslkeras.evaluation.label_propagation."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.datasets.moving_digits import MovingDigits
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation import label_propagation
from sslkeras.evaluation.label_propagation import (
    LabelPropagation,
    copy_labels,
    joint_channels,
    joint_places,
    propagate,
)
from sslkeras.evaluation.probe import Subject

REFERENCES = np.array([[[1, 0], [0.6, 0.8], [0.8, 0.6], [0, 1]]], np.float32)
LABELS = np.array([[[1, 0], [0, 1], [1, 0], [0, 1]]], np.float32)
TARGET = np.array([[0.96, 0.28]], np.float32)


@pytest.mark.parametrize("top_k, expected", [(4, [0.66524908, 0.33475092]), (2, [1.0, 0.0])])
def test_labels_are_weighted_by_likeness(top_k, expected):
    # Products .96, .8, .936, .28 at temperature .5: weights .340606, .247331, .324643, .087420.
    found = copy_labels(TARGET, REFERENCES, LABELS, top_k=top_k, temperature=0.5)

    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_weights_of_each_frame_are_not_made_to_sum_to_one():
    references = np.concatenate([REFERENCES, REFERENCES[:, ::-1]])
    labels = np.ones((2, 4, 1), np.float32)

    found = copy_labels(TARGET, references, labels, top_k=2, temperature=0.5, normalize="frame")

    # The two largest of each frame's four weights; both frames hold the same.
    assert float(found[0, 0]) == pytest.approx(0.340606 + 0.32464308, abs=1e-6)


def brute_force(maps, first, context, top_k, temperature, radius):
    time, rows, columns, _ = maps.shape
    unit = maps / np.linalg.norm(maps, axis=-1, keepdims=True)
    known = [first]
    for t in range(1, time):
        result = np.zeros_like(first)
        for i in range(rows):
            for j in range(columns):
                candidates = []
                for frame in [0, *range(max(1, t - context), t)]:
                    for r in range(rows):
                        for c in range(columns):
                            far = radius is not None and max(abs(r - i), abs(c - j)) > radius
                            if frame == 0 or not far:
                                score = unit[t, i, j] @ unit[frame, r, c] / temperature
                                candidates.append((score, known[frame][r, c]))
                candidates = sorted(candidates, key=lambda pair: -pair[0])[:top_k]
                weights = np.exp([score - candidates[0][0] for score, _ in candidates])
                weights /= weights.sum()
                result[i, j] = sum(w * label for w, (_, label) in zip(weights, candidates))
        known.append(result)
    return np.stack(known)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 3), st.integers(1, 12), st.sampled_from([None, 0, 1]))
def test_propagation_equals_brute_force(seed, context, top_k, radius):
    generator = np.random.default_rng(seed)
    maps = generator.normal(size=(4, 2, 3, 5)).astype(np.float32)
    first = generator.random((2, 3, 2)).astype(np.float32)

    found = propagate(maps, first, context=context, top_k=top_k, temperature=0.3, radius=radius)

    expected = brute_force(maps, first, context, top_k, 0.3, radius)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_chunks_do_not_change_the_labels(monkeypatch):
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(4, 3, 3, 5)).astype(np.float32)
    first = generator.random((3, 3, 2)).astype(np.float32)
    for normalize in ("topk", "frame"):
        arguments = {"radius": 1, "normalize": normalize, "pad": True}
        whole = propagate(maps, first, **arguments)
        with monkeypatch.context() as patch:
            patch.setattr(label_propagation, "_CHUNK", 40)
            np.testing.assert_allclose(propagate(maps, first, **arguments), whole, atol=1e-6)


def test_frame_0_stands_in_for_frames_before_the_beginning():
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(3, 1, 4, 2)).astype(np.float32)
    first = generator.random((1, 4, 2)).astype(np.float32)
    arguments = {"normalize": "frame", "temperature": 1.0, "top_k": 2}

    def copied(frame, labels):
        return copy_labels(maps[2, 0], maps[frame], labels[np.newaxis], **arguments).numpy()

    for pad, weight in ((True, 3 / 4), (False, 1 / 2)):
        soft = propagate(maps, first, context=3, pad=pad, unit_length=False, **arguments)

        # Frame 2 sees frame 0 three times and frame 1 once, or each of them once.
        expected = weight * copied(0, soft[0, 0]) + (1 - weight) * copied(1, soft[1, 0])
        np.testing.assert_allclose(soft[2, 0], expected, atol=1e-6)


def test_labels_are_rescaled_by_their_own_range():
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(3, 3, 3, 5)).astype(np.float32)
    first = generator.random((3, 3, 2)).astype(np.float32)

    soft = propagate(maps, first, rescale=True)

    np.testing.assert_allclose(soft[0], first)
    np.testing.assert_allclose(soft[1:].min(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(soft[1:].max(axis=(1, 2)), 1, atol=1e-6)


def test_the_place_of_a_joint_is_read_back():
    cells = np.array([[2.0, 3.0], [1.3, 2.6]])
    soft = joint_channels(cells, 6, 7)[np.newaxis]

    np.testing.assert_allclose(soft.sum(axis=(1, 2)), 1, rtol=1e-6)
    np.testing.assert_allclose(joint_places(soft)[0], cells, atol=0.12)
    np.testing.assert_allclose(joint_places(soft, "max")[0], [[2, 3], [1, 3]])


def colour_encoder(shape):
    """Cells of 2 x 2 pixels with their mean."""
    frame = keras.Input(shape)
    return keras.Model(frame, keras.layers.AveragePooling2D(2)(frame))


def coloured_clips():
    """Two squares of their own colours that move one pixel a frame over a third colour."""
    video = np.zeros((2, 6, 16, 16, 3), np.float32)
    video[..., 2] = 1
    masks = np.zeros((2, 6, 16, 16, 2), bool)
    positions = np.zeros((2, 6, 2, 2), np.float32)
    for t in range(6):
        for n, (row, column) in enumerate(((2, 2 + t), (8 + t // 2, 8))):
            video[:, t, row : row + 6, column : column + 6] = np.eye(3)[n]
            masks[:, t, :, :, n] = False
            masks[:, t, row : row + 6, column : column + 6, n] = True
            positions[:, t, n] = row + 2.5, column + 2.5
    split = ArraySplit({"video": video, "masks": masks, "positions": positions})
    return Given(split, split)


def subject_of(data, encoder=colour_encoder):
    shape = data.test.features["video"].shape[1:]
    return Subject("pretrained", data, "video", encoder(shape))


def test_features_that_tell_the_objects_beat_the_identity():
    result = LabelPropagation(context=2, top_k=3).run(subject_of(coloured_clips()), 0)

    assert result["J"] > result["identity J"] + 0.1
    assert result["F"] > result["identity F"]
    assert result["J&F"] == pytest.approx((result["J"] + result["F"]) / 2)
    assert {"J recall", "J decay", "F recall", "F decay", "identity J&F"} <= set(result)


def test_joints_are_tracked_by_features_that_tell_them():
    data = coloured_clips()
    # The colour of a square and where in the square the cell lies.
    result = LabelPropagation(target="positions", context=2, radius=2).run(subject_of(data), 0)

    assert [f"PCK@{t}" in result for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == [True] * 5
    assert 0 <= result["identity PCK@0.1"] <= result["identity PCK@0.5"] <= 1
    assert 0 <= result["PCK@0.1"] <= result["PCK@0.5"] <= 1


def test_joints_of_a_still_clip_stay_where_they_are():
    # Each cell of 2 x 2 pixels has a colour of its own. The centre of cell 1 is pixel 2.5.
    cells = np.eye(64, dtype=np.float32).reshape(8, 8, 64).repeat(2, 0).repeat(2, 1)
    video = np.broadcast_to(cells, (1, 3, 16, 16, 64)).copy()
    positions = np.broadcast_to(np.float32([[2.5, 2.5], [2.5, 6.5]]), (1, 3, 2, 2)).copy()
    split = ArraySplit({"video": video, "positions": positions})

    result = LabelPropagation(target="positions").run(subject_of(Given(split, split)), 0)

    assert result["PCK@0.1"] == 1  # 0.24 pixels.


def test_an_offset_moves_joints_into_the_object():
    def result(moved_by, **arguments):
        data = coloured_clips()
        data.test._arrays["positions"] += np.float32(moved_by)
        return LabelPropagation(target="positions", **arguments).run(subject_of(data), 0)

    assert result(-2.5, offset=2.5) == result(0) != result(-2.5)


def test_indices_are_masks_as_well():
    data = coloured_clips()
    arrays = dict(data.test._arrays)
    indices = np.where(arrays["masks"].any(-1), arrays["masks"].argmax(-1) + 1, 0).astype(np.uint8)
    split = ArraySplit({"video": arrays["video"], "masks": indices})

    found = LabelPropagation().run(subject_of(Given(split, split)), 0)

    assert found == LabelPropagation().run(subject_of(data), 0)


def test_moving_digits_carry_their_masks_and_positions():
    data = MovingDigits(num_examples=2, num_test=3, size=32, digit_size=12, num_frames=5)
    subject = subject_of(data)

    masks = LabelPropagation(max_clips=2).run(subject, 0)
    joints = LabelPropagation(target="positions", offset=5.5).run(subject, 0)

    assert all(0 <= masks[name] <= 1 for name in ("J", "F", "identity J", "identity F"))
    assert 0 <= joints["PCK@0.5"] <= 1
    assert "the first 2 of 3 test clips" in subject.notes[0]


def test_vectors_are_refused():
    def vectors(shape):
        frame = keras.Input(shape)
        return keras.Model(frame, keras.layers.Flatten()(frame))

    with pytest.raises(DataError, match="keep the layout.*Choose an encoder that ends in a map"):
        LabelPropagation().run(subject_of(coloured_clips(), vectors), 0)


def test_features_with_nan_are_refused():
    data = coloured_clips()
    data.test._arrays["video"][1, 2, 3, 4] = np.nan

    with pytest.raises(DataError, match="finite.*NaN or infinity in 1 of 2 examples"):
        LabelPropagation().run(subject_of(data), 0)


def test_short_clips_are_refused():
    data = MovingDigits(num_examples=2, num_test=2, size=32, digit_size=12, num_frames=2)

    with pytest.raises(DataError, match="3 or more frames.*Received: 2 frames.*longer clips"):
        LabelPropagation().run(subject_of(data), 0)


def test_labels_of_another_kind_are_refused():
    data = MovingDigits(num_examples=2, num_test=2, size=32, digit_size=12, num_frames=3)

    with pytest.raises(DataError, match="'label' must hold masks.*Name other features"):
        LabelPropagation(target="label").run(subject_of(data), 0)


def test_one_joint_has_no_unit():
    data = MovingDigits(
        num_examples=2, num_test=2, size=32, digit_size=12, num_frames=3, num_digits=1
    )

    with pytest.raises(DataError, match="two or more joints.*num_digits=2"):
        LabelPropagation(target="positions").run(subject_of(data), 0)


@pytest.mark.parametrize("arguments", ["top_k=0", "normalize='all'", "temperature=0", "context=-1"])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ConfigurationError, match=f"`{arguments.partition('=')[0]}`"):
        registry.probes.create(f"label_propagation({arguments})")
