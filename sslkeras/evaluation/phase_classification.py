"""Phase classification: how many labelled videos tell which phase a frame belongs to?

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (section 4).
"""

import numpy as np
from scipy import stats
from sklearn.svm import SVC

from sslkeras.errors import DataError
from sslkeras.evaluation.logistic import fit_logistic
from sslkeras.evaluation.probe import Probe, keep_confusion
from sslkeras.evaluation.video_frames import check_phases, phases_of
from sslkeras.hyperparameters import AnyOf, Choice, Integer, ListOf, Real, Text


class PhaseClassification(Probe):
    """Classifies frames of test videos, trained on the frames of a few labelled videos.

    Videos are labelled as a whole. What stands beside it: random init, the raw frames, and
    "majority", the accuracy of always naming the commonest phase of the train split.

    `phase_classification(videos=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), episodes=50)` is the few-shot
    protocol of the paper.

    Args:
        videos: How many train videos are labelled, one result each: a float for a fraction,
            an integer for a count. At least one; with one seed, the fewer are among the more.
        classifier: "svm": radial basis functions with scikit-learn's defaults. "linear":
            logistic regression on standardised features, as in `linear`.
        episodes: How many times videos are drawn; more than one give means and the half width
            of their 95 % interval. All videos are drawn once.
        target: Feature with the phase of each frame, integers >= 0.
        video: Feature with the videos.
        seeds: How many times all of it is repeated.
    """

    needs_features = False
    reads = ("video", "phase")
    hyperparameters = {
        "videos": ListOf(
            AnyOf(Integer(1, unit="videos"), Real(0, 1, closed="right", unit="fraction")),
            min_length=1,
        ),
        "classifier": Choice("svm", "linear"),
        "episodes": Integer(1),
        "target": Text("the name of a feature"),
        "video": Text("the name of a feature"),
        "seeds": Integer(1),
    }

    def __init__(
        self,
        *,
        videos=(0.1, 0.5, 1.0),
        classifier="svm",
        episodes=1,
        target="phase",
        video="video",
        seeds=1,
    ):
        super().__init__(
            videos=videos,
            classifier=classifier,
            episodes=episodes,
            target=target,
            video=video,
            seeds=seeds,
        )
        self.frames = video
        self.reads = (video, target)

    def run(self, subject, seed):
        """Returns "accuracy, <videos>" (and "..., 95% interval") and "majority"."""
        train = subject.frame_features("train", self.video)
        train_phases = phases_of(subject, "train", self.target, self.video)
        test = np.concatenate(subject.frame_features("test", self.video))
        truth = np.concatenate(phases_of(subject, "test", self.target, self.video))
        check_phases(train_phases, self.target, "train")
        counts = np.bincount(np.concatenate(train_phases))
        result = {}
        for amount in self.videos:
            count = labelled(amount, len(train))
            repeats = self.episodes if count < len(train) else 1
            found = [
                self._accuracy(
                    train,
                    train_phases,
                    drawn(len(train), count, seed, episode),
                    test,
                    truth,
                    subject,
                )
                for episode in range(repeats)
            ]
            name = f"accuracy, {describe(amount)}"
            result[name] = float(np.mean(found))
            if repeats > 1:
                result[f"{name}, 95% interval"] = half_interval(found)
        if subject.draws:
            self._keep_confusion(subject, train, train_phases, test, truth, seed)
        result["majority"] = float((truth == counts.argmax()).mean())
        return result

    def _keep_confusion(self, subject, train, phases, test, truth, seed):
        """Of the largest amount of videos that are labelled."""
        count = max(labelled(amount, len(train)) for amount in self.videos)
        answers = self._answers(train, phases, drawn(len(train), count, seed, 0), test, subject)
        classes = np.arange(max(truth.max(), answers.max()) + 1)
        keep_confusion(subject, truth, answers, classes, self.target)

    def _accuracy(self, train, phases, rows, test, truth, subject):
        return float((self._answers(train, phases, rows, test, subject) == truth).mean())

    def _answers(self, train, phases, rows, test, subject):
        """The phases that a classifier of the frames of some train videos names."""
        features = np.concatenate([train[row] for row in rows])
        labels = np.concatenate([phases[row] for row in rows])
        if (labels == labels[0]).all():  # All that these videos tell.
            return np.full(len(test), labels[0])
        if self.classifier == "svm":
            return SVC().fit(features, labels).predict(test)
        features = features.astype(np.float64)
        mean, deviation = features.mean(axis=0), features.std(axis=0)
        deviation = np.where(deviation < 1e-6, 1.0, deviation)
        scores = fit_logistic(
            (features - mean) / deviation, labels, 1.0, labels.max() + 1, subject.note
        )
        return scores((test - mean) / deviation).argmax(axis=1)


def labelled(amount, total) -> int:
    """How many of `total` videos a fraction or a count is.

    Raises:
        DataError: If the count is more than there are.
    """
    if isinstance(amount, float):
        return max(1, round(amount * total))
    if amount > total:
        raise DataError(
            f"The train split must have as many videos as are labelled. Received: {total} videos "
            f"and videos={amount}. Choose fewer, or a fraction such as 0.5."
        )
    return amount


def drawn(total, count, seed, episode):
    """Indices of `count` videos; a smaller count is among a larger one of the same draw."""
    return np.random.default_rng([seed, episode]).permutation(total)[:count]


def half_interval(values) -> float:
    """Half the width of the 95 % interval of the mean of some draws (Student's t)."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(stats.t.ppf(0.975, len(values) - 1) * error)


def describe(amount) -> str:
    """How results name an amount: "1 video", "10% of videos"."""
    if isinstance(amount, float):
        return f"{100 * amount:g}% of videos"
    return f"{amount} video{'s' if amount > 1 else ''}"
