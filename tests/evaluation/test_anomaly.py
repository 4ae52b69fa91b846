"""Tests of sslkeras.evaluation.anomaly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.anomaly import Anomaly, detection
from sslkeras.evaluation.probe import Subject
from tests.evaluation.videos import split_of, subject_of_videos

SCORES, LABELS = np.array([0.1, 0.4, 0.35, 0.8, 0.35]), np.array([0, 0, 1, 1, 0])


def test_ties_count_half():
    found = detection(SCORES, LABELS)

    assert found["ROC-AUC"] == pytest.approx(0.75)
    assert found["average precision"] == pytest.approx(0.75)
    assert found["share of anomalies"] == pytest.approx(0.4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=12))
def test_roc_auc_is_the_share_of_pairs_in_order(drawn):
    scores, anomalous = (np.array(column) for column in zip(*drawn, strict=True))
    if anomalous.all() or not anomalous.any():
        with pytest.raises(DataError, match="normal and anomalous"):
            detection(scores, anomalous)
        return
    pairs = np.sign(scores[anomalous][:, np.newaxis] - scores[~anomalous])

    assert detection(scores, anomalous)["ROC-AUC"] == pytest.approx(((pairs + 1) / 2).mean())


def points(train, train_labels, test, labels, name="anomaly"):
    train, test = (np.reshape(x, (-1, 1)).astype(np.float32) for x in (train, test))
    return Subject(
        "raw input",
        Given(
            ArraySplit({"x": train, name: np.array(train_labels)}),
            ArraySplit({"x": test, name: np.array(labels)}),
        ),
        "x",
        None,
    )


def test_the_score_is_the_distance_to_the_nearest_normal_feature():
    # Nearest to 0 and 10: .1, .4, .35, .8, .35; the anomalous train example is no neighbour.
    subject = points([0, 10, 10.8], [0, 0, 1], [0.1, 10.4, 0.35, 10.8, 9.65], LABELS)

    found = Anomaly().run(subject, 0)

    # float32: 9.65 is .35000038 from 10, no tie: 5 of 6 pairs in order but .35 below .35000038.
    assert found["ROC-AUC"] == pytest.approx(4 / 6)
    assert found["share of anomalies"] == pytest.approx(0.4)


def test_several_neighbours_are_averaged_and_capped_aloud():
    # Means to 0 and 4: test 2 -> 2, test 4 -> 2, test 5 -> 3. Nearest alone: 2, 0, 1.
    subject = points([0, 4], [0, 0], [2, 4, 5], [0, 0, 1])

    assert Anomaly(k=1).run(subject, 0)["ROC-AUC"] == pytest.approx(0.5)
    assert Anomaly(k=9).run(subject, 0)["ROC-AUC"] == pytest.approx(1.0)
    assert "k=9 is more than the 2 normal ones" in subject.notes[0]
    # To 0, 0 and 9: test 1 -> (1 + 1 + 8) / 3, test 5 -> (5 + 5 + 4) / 3, though 8 is largest.
    uneven = points([0, 0, 9], [0, 0, 0], [1, 5], [0, 1])
    assert Anomaly(k=3).run(uneven, 0)["ROC-AUC"] == pytest.approx(1.0)


def test_one_class_is_normal_and_all_others_are_not():
    subject = points([0, 5], [3, 8], [0.5, 5, 7], [3, 8, 1], "label")

    found = Anomaly(target="label", normal=3).run(subject, 0)

    assert found["ROC-AUC"] == pytest.approx(1.0)
    assert found["share of anomalies"] == pytest.approx(2 / 3)


def test_texts_tell_what_is_normal():
    subject = points([0, 5], ["good", "bad"], [0.5, 5], ["good", "crack"], "kind")

    assert Anomaly(target="kind", normal="good").run(subject, 0)["ROC-AUC"] == 1.0


def test_frames_are_scored_and_videos_by_their_largest_score():
    train = split_of([[[0.0], [1.0]]], anomaly=np.array([[0, 0]]))
    test = split_of(
        [[[0.0], [0.4], [3.0]], [[1.1], [0.0]]], anomaly=np.array([[0, 0, 1], [0, 0, 1]])
    )

    found = Anomaly(video="video").run(subject_of_videos(train, test), 0)

    # Scores 0, .4, 2 | .1, 0; the last label is of a frame that is padding.
    assert found["ROC-AUC"] == found["video ROC-AUC"] == pytest.approx(1.0)
    assert found["share of anomalies"] == pytest.approx(1 / 5)
    assert found["video average precision"] == pytest.approx(1.0)


def test_one_value_a_video_is_no_label_of_frames():
    split = split_of([[[0.0], [1.0]], [[0.0], [2.0]]], anomaly=np.array([0, 1]))

    with pytest.raises(DataError, match="one value for each"):
        Anomaly(video="video").run(subject_of_videos(split, split), 0)


class Reconstruction:
    """A task whose score is the value itself."""

    reads = {"x": (1,)}

    def __init__(self, shape=lambda values: values[:, 0]):
        self.shape = shape

    def anomaly_scores(self, model, batch):
        assert set(batch) == {"x"}
        return self.shape(batch["x"] + model)


def asked(task):
    split = ArraySplit({"x": SCORES.astype(np.float32)[:, np.newaxis], "anomaly": LABELS})
    return Subject("pretrained", Given(split, split), "x", None, task=task, model=1.0, batch_size=2)


def test_the_task_can_be_asked_for_scores():
    found = Anomaly(score="task").run(asked(Reconstruction()), 0)

    assert found["ROC-AUC"] == found["average precision"] == pytest.approx(0.75)


def test_a_task_without_scores_is_refused():
    with pytest.raises(ConfigurationError, match="a task with the method `anomaly_scores"):
        Anomaly(score="task").run(asked(object()), 0)


def test_scores_of_another_shape_or_with_nan_are_refused():
    with pytest.raises(DataError, match=r"one score an example.*Received: shape \(2, 1\)"):
        Anomaly(score="task").run(asked(Reconstruction(lambda x: x)), 0)
    with pytest.raises(DataError, match="must be finite.*in 5 of 5 rows"):
        Anomaly(score="task").run(asked(Reconstruction(lambda x: x[:, 0] * np.nan)), 0)


def test_one_kind_only_is_refused():
    with pytest.raises(DataError, match="normal and anomalous examples. Received: 2 normal ones"):
        Anomaly().run(points([0], [0], [0, 1], [0, 0]), 0)
    with pytest.raises(DataError, match="must have normal examples. Received: none with anomaly=0"):
        Anomaly().run(points([0], [1], [0, 1], [0, 1]), 0)


def test_real_numbers_do_not_tell_kinds():
    with pytest.raises(DataError, match="integers, bools or texts. Received: float"):
        Anomaly().run(points([0], [0.0], [0, 1], [0.0, 1.0]), 0)


def test_scores_and_labels_of_different_length_are_refused():
    with pytest.raises(DataError, match="Received: 5 scores and 4 examples"):
        detection(SCORES, LABELS[:4])
