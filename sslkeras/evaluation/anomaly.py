"""Anomaly detection: is what is not normal far from all that is?

Distance to the nearest normal features as in D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet,
A. Zisserman, "Temporal Cycle-Consistency Learning", CVPR 2019,
https://arxiv.org/abs/1904.07846 (section 5).
"""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from sslkeras.datasets.dataset import as_float
from sslkeras.errors import DataError
from sslkeras.evaluation.health import check_finite
from sslkeras.evaluation.nearest import nearest
from sslkeras.evaluation.probe import Probe, check_probe_pooling
from sslkeras.evaluation.task_method import task_method
from sslkeras.hyperparameters import AnyOf, Choice, Integer, Optional, Text

_METHOD = "anomaly_scores(model, batch) -> (batch,) or (batch, time)"


class Anomaly(Probe):
    """Scores test examples, or frames of test videos, by how far they are from normal ones.

    The score is the mean Euclidean distance to the `k` nearest features of normal examples
    of the train split; nothing else is fitted, and on nothing else. What stands beside it:
    random init, the raw input, and chance, which is 0.5 for "ROC-AUC" and "share of
    anomalies" for "average precision".

    With score="task" the task is asked instead: its method `anomaly_scores(model, batch)`
    gets the task's whole model and a batch of raw float features (those that the task reads)
    and returns `(batch,)`, or `(batch, time)` for each frame, the larger the less normal:
    reconstruction error, distance to an aligned normal video.

    Args:
        k: Neighbours, all normal ones if there are fewer.
        target: Feature that tells what is normal: one value an example (integer, bool or
            text), or with `video` one for each frame.
        normal: The value of `target` that is normal: an integer, or a text.
        score: "distance" or "task".
        video: Feature with videos whose frames are scored; None to score whole examples. A
            video is as anomalous as its most anomalous frame.
        pooling: How maps become vectors; None for the evaluation's.
    """

    reads = ("anomaly",)
    hyperparameters = {
        "k": Integer(1),
        "target": Text("the name of a feature"),
        "normal": AnyOf(Integer(), Text("a text")),
        "score": Choice("distance", "task"),
        "video": Optional(Text("the name of a feature"), "whole examples"),
        "pooling": Optional(Text("a pooling"), "that of the evaluation"),
    }

    def __init__(
        self, *, k=1, target="anomaly", normal=0, score="distance", video=None, pooling=None
    ):
        super().__init__(
            k=k, target=target, normal=normal, score=score, video=video, pooling=pooling
        )
        check_probe_pooling(pooling)
        self.reads = (target,) if video is None else (target, video)
        self.needs_encoder = score == "task"
        self.needs_features = video is None and score == "distance"
        self.frames = video if score == "distance" else None

    def run(self, subject, seed):
        """Scores the test split; nothing is random.

        Returns:
            "ROC-AUC", "average precision" and "share of anomalies"; with `video` also "video
            ROC-AUC" and "video average precision", where both kinds of videos occur.
        """
        scores, truth = (self._ask_task if self.score == "task" else self._measure)(subject)
        if self.video is None:
            self._keep_pictures(subject, scores, truth)
            return detection(scores, truth)
        for number, (score, flags) in enumerate(zip(scores, truth, strict=True)):
            if np.shape(score) != np.shape(flags):
                raise DataError(
                    f"'{self.target}' must have one value for each frame of '{self.video}'. "
                    f"Received: shape {np.shape(flags)} for {len(score)} frames (test split, video "
                    f"{number}). Use video=None for one value a video."
                )
        result = detection(np.concatenate(scores), np.concatenate(truth))
        self._keep_pictures(subject, scores, truth)
        flags = np.array([flags.any() for flags in truth])
        if flags.any() and not flags.all():
            found = detection(np.array([score.max() for score in scores]), flags)
            result["video ROC-AUC"] = found["ROC-AUC"]
            result["video average precision"] = found["average precision"]
        return result

    def _keep_pictures(self, subject, scores, truth):
        """Has histograms drawn, and the extreme examples or scores over time."""
        title = f"Anomaly scores ({subject.name})"

        def histograms():
            from sslkeras.pictures.anomalies import draw_scores

            if self.video is None:
                return draw_scores(scores, truth, title)
            return draw_scores(np.concatenate(scores), np.concatenate(truth), title)

        def extremes():
            from sslkeras.pictures.anomalies import draw_extremes

            return draw_extremes(subject, subject.feature, scores, truth, title)

        def over_time():
            from sslkeras.pictures.anomalies import draw_over_time

            return draw_over_time(scores, truth, title)

        subject.picture(
            "scores",
            histograms,
            "Scores of normal and of anomalous test examples: the less they overlap, the better.",
        )
        if self.video is None:
            subject.picture(
                "extremes",
                extremes,
                "The test examples that stand out most and least; ✓ where that is right.",
            )
        else:
            subject.picture(
                "over time",
                over_time,
                "Scores of the frames of some test videos; anomalous frames are shaded.",
            )

    def _anomalous(self, values):
        normal = self.normal

        def differs(value):
            value = np.asarray(value)
            if value.dtype.kind in "SO":
                return value != str(normal).encode()
            if np.issubdtype(value.dtype, np.floating):
                raise DataError(
                    f"'{self.target}' must tell kinds of examples: integers, bools or texts. "
                    f"Received: {value.dtype}. Choose another `target`."
                )
            return value.astype(np.int64) != normal if value.dtype == bool else value != normal

        if self.video is not None:
            return [differs(value) for value in values]
        flags = differs(values)
        if np.ndim(flags) != 1:
            raise DataError(
                f"'{self.target}' must be one value an example. Received: shape "
                f"{np.shape(values)}. Name the feature with the videos by `video`, or another "
                "`target`."
            )
        return flags

    def _measure(self, subject):
        """Distances of the test split to what is normal, and what is not normal there."""
        if self.video is None:
            features = {split: subject.features(split, self.pooling) for split in ("train", "test")}
            targets = subject.targets
        else:
            features = {
                split: subject.frame_features(split, self.video, self.pooling)
                for split in ("train", "test")
            }

            def targets(split, name):
                return subject.frame_targets(split, name, self.video, self.pooling)

        normal = self._normal(features["train"], self._anomalous(targets("train", self.target)))
        k = min(self.k, len(normal))
        if k < self.k:
            subject.note(f"k={self.k} is more than the {k} normal ones: all of them count.")
        truth = self._anomalous(targets("test", self.target))
        if self.video is None:
            return nearest(features["test"], normal, k)[0].mean(axis=1), truth
        return [nearest(one, normal, k)[0].mean(axis=1) for one in features["test"]], truth

    def _normal(self, features, flags):
        """Rows of the features of the train split that are normal."""
        if self.video is not None:
            features = np.concatenate(features)
            flags = np.concatenate([np.atleast_1d(f) for f in flags])
        if len(flags) != len(features):
            raise DataError(
                f"'{self.target}' must have one value for each row of features. Received: "
                f"{len(flags)} for {len(features)} (train split). Check the dataset's reader."
            )
        if flags.all():
            raise DataError(
                "The train split must have normal examples. Received: none with "
                f"{self.target}={self.normal!r}. Choose another `normal`."
            )
        return features[~flags]

    def _ask_task(self, subject):
        """Scores by the task, read in one pass with the targets."""
        method = task_method(subject, "anomaly", _METHOD)
        split = subject.split("test")
        beside = [self.target]
        if self.video is not None and "num_frames" in split.features:
            beside.append("num_frames")
        scores, values = [], []
        for batch in split.batches(subject.batch_size, only=(*subject.task.reads, *beside)):
            raw = {name: value for name, value in batch.items() if name in subject.task.reads}
            given = np.asarray(method(subject.model, as_float(raw)), np.float64)
            if given.ndim != 1 + (self.video is not None) or len(given) != len(batch[self.target]):
                raise DataError(
                    "`anomaly_scores` of the task must give one score an example, or with "
                    "`video` one a frame. Received: shape "
                    f"{given.shape} for {len(batch[self.target])} examples. Change `video`, or "
                    "have the task mended."
                )
            value = batch[self.target].numpy()
            if "num_frames" in beside:  # Scores of padding are left out.
                counts = batch["num_frames"].numpy()
                given = [one[:count] for one, count in zip(given, counts, strict=True)]
                value = [one[:count] for one, count in zip(value, counts, strict=True)]
            scores.extend(given)
            values.extend(value)
        every = np.concatenate([np.atleast_1d(score) for score in scores])
        check_finite(every[:, np.newaxis], "anomaly scores", "test")
        if self.video is None:
            return np.array(scores), self._anomalous(np.array(values))
        return scores, self._anomalous(values)


def detection(scores, anomalous) -> dict:
    """How well scores tell anomalies from the rest.

    Args:
        scores: `(examples,)`, larger for the less normal.
        anomalous: bool `(examples,)`.

    Returns:
        "ROC-AUC" (ties count half), "average precision" and "share of anomalies".

    Raises:
        DataError: If there are only anomalies, or none.
    """
    anomalous = np.asarray(anomalous, bool)
    if len(scores) != len(anomalous):
        raise DataError(
            "There must be one score for each example. Received: "
            f"{len(scores)} scores and {len(anomalous)} examples. Check the dataset's reader."
        )
    if anomalous.all() or not anomalous.any():
        kind = "anomalies" if anomalous.any() else "normal ones"
        raise DataError(
            "The test split must have normal and anomalous examples. Received: "
            f"{len(anomalous)} {kind} only. Choose another dataset, `target` or `normal`."
        )
    return {
        "ROC-AUC": float(roc_auc_score(anomalous, scores)),
        "average precision": float(average_precision_score(anomalous, scores)),
        "share of anomalies": float(anomalous.mean()),
    }
