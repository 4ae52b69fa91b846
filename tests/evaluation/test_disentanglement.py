"""Tests of sslkeras.evaluation.disentanglement."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import mutual_info_score

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.disentanglement import Disentanglement, factor_columns, gap, invariance
from sslkeras.evaluation.probe import Subject


def taking(column, shape=(2,)):
    """An encoder that sees one of two values."""
    inputs = keras.Input(shape)
    flat = keras.layers.Reshape((2, 1))(inputs)
    return keras.Model(
        inputs, keras.layers.Flatten()(keras.layers.Cropping1D((column, 1 - column))(flat))
    )


class Swapper:
    """A task that can exchange its two columns perfectly."""

    reads = {"x": (2,)}

    def swap(self, model, first, second):
        return np.stack([first["x"][:, 0], second["x"][:, 1]], axis=1)


class Lazy(Swapper):
    def swap(self, model, first, second):
        return first["x"]


class Wrong(Swapper):
    def swap(self, model, first, second):
        return first["x"][:, :1]


def two_factors(task=None):
    """Column 0 is the shape (0, 1), column 1 is the place (0, 1, 2), with little noise."""

    def split(count, seed):
        generator = np.random.default_rng(seed)
        shape, place = generator.integers(0, 2, count), generator.integers(0, 3, count)
        x = np.stack([shape, place], axis=1) + 0.02 * generator.normal(size=(count, 2))
        return ArraySplit(
            {"x": x.astype(np.float32), "label": shape, "place": place, "height": place / 2.0}
        )

    encoders = {"content": taking(0), "pose": taking(1)}
    return Subject(
        "pretrained",
        Given(split(60, 0), split(40, 1)),
        "x",
        encoders["content"],
        encoders=encoders,
        reads={"content": "x", "pose": "x"},
        task=task,
        batch_size=16,
    )


def test_each_code_tells_its_own_factor_alone():
    subject = two_factors()

    found = Disentanglement(pose=("place",)).run(subject, 0)

    assert found["label from content"] == found["place from pose"] == 1.0
    assert found["label from pose"] < 0.7
    assert found["place from content"] < 0.6
    commonest = np.bincount(subject.targets("train", "place")).argmax()
    assert found["chance of place"] == np.mean(subject.targets("test", "place") == commonest)
    assert 0.8 < found["MIG"] <= 1.0
    assert "swap, label" not in found
    assert "invariance of content" not in found


def test_real_numbers_are_read_by_regression_without_chance():
    found = Disentanglement(content=("label",), pose=("height",)).run(two_factors(), 0)

    assert found["height from pose"] > 0.95
    assert found["height from content"] < 0.2
    assert "chance of height" not in found


def test_swapped_examples_have_the_content_of_one_and_the_pose_of_the_other():
    found = Disentanglement(pose=("place",)).run(two_factors(Swapper()), 0)

    assert found["swap, label real"] == found["swap, place real"] == 1.0
    assert found["swap, label"] == found["swap, place"] == 1.0


def test_a_task_that_does_not_swap_is_found_out():
    found = Disentanglement(pose=("place",)).run(two_factors(Lazy()), 0)

    assert found["swap, label"] == 1.0
    assert found["swap, place"] < 0.7


def test_swapped_examples_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"shape of 'x', \(40, 2\). Received: \(40, 1\)"):
        Disentanglement(pose=("place",)).run(two_factors(Wrong()), 0)


def test_invariance_is_measured_for_encoders_of_frames():
    generator = np.random.default_rng(0)
    who, when = np.arange(6), np.arange(4.0)
    video = np.stack(np.broadcast_arrays(who[:, np.newaxis], when), axis=-1)[:, :, np.newaxis]
    video = video[..., np.newaxis] + 0.01 * generator.normal(size=(6, 4, 1, 2, 1))
    split = ArraySplit({"video": video.astype(np.float32), "label": who % 2})
    encoders = {"content": taking(0, (1, 2, 1)), "pose": taking(1, (1, 2, 1))}
    subject = Subject(
        "pretrained",
        Given(split, split),
        "video",
        encoders["content"],
        encoders=encoders,
        reads=dict.fromkeys(encoders, "video"),
    )

    found = Disentanglement().run(subject, 0)

    assert found["invariance of content"] < 0.02
    assert found["invariance of pose"] > 1.0


def test_invariance_of_three_videos():
    videos = [np.array([[0.0], [1.0]]), np.array([[4.0], [6.0]]), np.array([[9.0]])]

    # Within: (1 + 2) / 2. Between: 4, 6, 3, 5 | 9, 8 | 5, 3.
    assert invariance(videos) == pytest.approx(1.5 / (43 / 8))


def test_too_few_videos_or_frames_have_no_invariance():
    with pytest.raises(DataError, match="two or more videos.*Received: 1 videos with at most 2"):
        invariance([np.zeros((2, 1))])
    assert np.isnan(invariance([np.zeros((2, 1))] * 2))


def test_real_factors_are_binned_and_constant_ones_refused():
    assert factor_columns(np.array([[0.0], [1.0]]))[0].tolist() == [0, 19]
    assert factor_columns(np.array([b"b", b"a"]))[0].tolist() == [1, 0]
    with pytest.raises(DataError, match="two or more values in the test split. Received: one"):
        gap(np.eye(2), [np.array([1, 1])])


def test_an_encoder_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match="content, pose. Received: 'motion'"):
        Disentanglement(encoders=("motion",)).run(two_factors(), 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e4]))
def test_invariance_agrees_with_scipys_distances(seed, away):
    generator = np.random.default_rng(seed)
    videos = [(away + generator.normal(size=(n, 3))).astype(np.float32) for n in (1, 2, 4)]
    wide = [frames.astype(np.float64) for frames in videos]
    within = np.concatenate([pdist(frames) for frames in wide])
    pairs = [(0, 1), (0, 2), (1, 2)]
    between = np.concatenate([cdist(wide[a], wide[b]).ravel() for a, b in pairs])

    assert invariance(videos) == pytest.approx(within.mean() / between.mean(), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_gap_agrees_with_scikit_learns_information(seed):
    generator = np.random.default_rng(seed)
    factors = [np.r_[0, 1, generator.integers(0, 3, 30)] for _ in range(2)]
    # From 0 to 20 the 20 bins are one wide, and 20 is in the last; one code is constant.
    codes = np.concatenate([[[0] * 3, [20] * 3], generator.integers(0, 20, (30, 3))])
    codes[:, 2] = 7
    expected = []
    for factor in factors:
        information = sorted(mutual_info_score(factor, column) for column in codes.clip(0, 19).T)
        expected.append((information[-1] - information[-2]) / mutual_info_score(factor, factor))

    assert gap(codes, factors) == pytest.approx(np.mean(expected))
