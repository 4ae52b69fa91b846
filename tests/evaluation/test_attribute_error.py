"""Tests of sslkeras.evaluation.attribute_error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from sslkeras.datasets.dataset import ArraySplit
from sslkeras.errors import DataError
from sslkeras.evaluation.attribute_error import AttributeClassificationError, balanced_recall
from tests.evaluation.videos import subject_of_videos


def subject(views, attributes, **more):
    """Sequences of one pixel, `(sequences, views, frames)`, with `(sequences, frames, ...)`."""
    views = np.asarray(views, np.float32)[..., np.newaxis, np.newaxis, np.newaxis]
    arrays = {"views": views, "attributes": np.asarray(attributes, np.int32), **more}
    split = ArraySplit(arrays)
    return subject_of_videos(split, split)


def run(*arguments, **more):
    return AttributeClassificationError().run(subject(*arguments, **more), 0)


def test_a_frame_is_named_by_the_nearest_frame_of_another_sequence():
    # Of two sequences of one view: the frames 0, 1, 5, 6 and 0.1, 5.1, 5.2, 9.
    views = [[[0.0, 1.0, 5.0, 6.0]], [[0.1, 5.1, 5.2, 9.0]]]
    attributes = [[0, 0, 1, 1], [0, 0, 1, 1]]

    found = run(views, attributes)

    # Named: 0 (.1), 0 (.1), 0 (5.1), 1 (5.2); 0 (0), 1 (5), 1 (5), 1 (6). Class 0: 3 of 4 right,
    # class 1: 3 of 4.
    assert found["error"] == found["error, attribute 0"] == pytest.approx(0.25)
    assert found["chance"] == pytest.approx(0.5)


def test_frames_of_the_same_sequence_are_no_answer():
    # Within each sequence neighbours agree, and the nearest of the other one is always wrong.
    views = [[[0.0, 0.1, 4.0, 4.1]], [[0.05, 0.15, 4.05, 4.15]]]

    found = run(views, [[0, 0, 1, 1], [1, 1, 0, 0]])

    assert found["error"] == 1.0


def test_classes_count_alike_however_rare():
    truth, named = np.array([0] * 9 + [1]), np.zeros(10, int)

    assert balanced_recall(truth, named) == pytest.approx(0.5)


def test_all_views_are_asked_and_searched():
    views = [[[0.0, 8.0], [3.0, 11.0]], [[3.1, 11.1], [0.1, 8.1]]]

    # The first view's frames lie beside those of the other one's second view.
    assert run(views, [[0, 1], [0, 1]])["error"] == 0.0
    assert run(views, [[0, 1], [1, 0]])["error"] == 1.0


def test_frames_of_the_same_view_may_be_left_out():
    views = [[[0.0, 4.0], [0.3, 4.3]], [[0.1, 4.1], [3.8, 0.4]]]
    data = subject(views, [[0, 1], [0, 1]])

    # Wrong: 0.3 finds 0.4, 3.8 finds 4.0, and 0.4 finds 0.3.
    assert AttributeClassificationError().run(data, 0)["error"] == pytest.approx(3 / 8)
    # Wrong: 0.0 finds 0.4, 4.0 finds 3.8, and the other way round.
    found = AttributeClassificationError(same_view=False).run(data, 0)
    assert found["error"] == pytest.approx(4 / 8)


def test_other_views_must_be_there():
    with pytest.raises(DataError, match="two or more views of each sequence. Received: one"):
        AttributeClassificationError(same_view=False).run(
            subject([[[0.0, 4.0]], [[0.1, 4.1]]], [[0, 1], [0, 1]]), 0
        )


def test_the_mean_is_over_attributes_that_change():
    views = [[[0.0, 4.0]], [[0.1, 4.1]]]
    attributes = [[[0, 0, 7], [1, 1, 7]], [[0, 1, 7], [1, 2, 7]]]

    found = run(views, attributes)

    # The second attribute: named 1, 2, 0, 1 for 0, 1, 1, 2: all wrong, of three classes.
    assert found == pytest.approx(
        {
            "error": 0.5,
            "chance": (1 / 2 + 2 / 3) / 2,
            "error, attribute 0": 0.0,
            "error, attribute 1": 1.0,
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 3))
def test_it_agrees_with_scikit_learn(seed, sequences, views):
    random = np.random.default_rng(seed)
    places = random.normal(size=(sequences, views, 9)).astype(np.float32)
    labels = np.tile([0, 1, 2], (sequences, 3))
    truth, named = [], []
    for number in range(sequences):
        others = [other for other in range(sequences) if other != number]
        model = KNeighborsClassifier(1).fit(
            places[others].reshape(-1, 1),
            np.repeat(labels[others][:, np.newaxis], views, axis=1).ravel(),
        )
        named.append(model.predict(places[number].reshape(-1, 1)))
        truth.append(np.tile(labels[number], views))
    expected = 1 - balanced_accuracy_score(np.concatenate(truth), np.concatenate(named))

    assert run(places, labels)["error"] == pytest.approx(expected)


def test_what_tells_nothing_is_at_chance():
    random = np.random.default_rng(0)
    found = run(random.normal(size=(12, 2, 60)), random.integers(0, 3, (12, 60, 2)))

    assert found["chance"] == pytest.approx(2 / 3)
    assert found["error"] == pytest.approx(2 / 3, abs=0.03)


def test_padding_is_left_out():
    views, attributes = [[[0.0, 4.0, 4.2]], [[0.1, 4.1, 9.0]]], [[0, 1, 0], [0, 1, 0]]

    # The padding of the first sequence would be nearest to the second's frame 4.1.
    assert run(views, attributes, num_frames=np.array([2, 2]))["error"] == 0.0


def test_one_camera_is_enough():
    frames = np.array([[0.0, 4.0], [0.1, 4.1]], np.float32)[..., None, None, None]
    split = ArraySplit({"video": frames, "phase": np.array([[0, 1], [0, 1]])})
    probe = AttributeClassificationError(views="video", target="phase")

    assert probe.run(subject_of_videos(split, split), 0)["error"] == 0.0


def test_attributes_that_never_change_are_refused():
    with pytest.raises(DataError, match="two or more values in the test split"):
        run([[[0.0, 4.0]], [[0.1, 4.1]]], [[1, 1], [1, 1]])
