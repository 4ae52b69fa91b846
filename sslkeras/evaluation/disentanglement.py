"""Disentanglement: does each encoder hold its own factors, and none of the others?

Leakage and swaps as in E. Denton, V. Birodkar, "Unsupervised Learning of Disentangled
Representations from Video", NIPS 2017, https://arxiv.org/abs/1705.10915.
"""

import itertools

import numpy as np
from scipy.spatial import distance

from sslkeras.datasets.dataset import as_float
from sslkeras.errors import DataError
from sslkeras.evaluation.frame_features import gives_frames
from sslkeras.evaluation.health import check_finite
from sslkeras.evaluation.labels import subset
from sslkeras.evaluation.linear import Linear
from sslkeras.evaluation.logistic import fit_logistic
from sslkeras.evaluation.mutual_information import (
    binned,
    entropy,
    mutual_information,
    mutual_information_gap,
)
from sslkeras.evaluation.probe import Probe, classes_of
from sslkeras.hyperparameters import Integer, ListOf, Optional, Text

# Pairs of frames are measured exactly up to this many frames, else over evenly chosen ones.
_MOST_FRAMES = 2048
# Real examples that the classifier of swapped ones is fitted on.
_MOST_EXAMPLES = 2000


class Disentanglement(Probe):
    """What each of several encoders of one run tells of each factor.

    - Leakage: top-1 accuracy (R^2 for real numbers) of the linear probe of every factor from
      every encoder's code. Wanted: high for its own factors, as low as "chance" (the share of
      the commonest class) for the others.
    - MIG: the mutual information gap, over the codes of all encoders side by side, each in 20
      bins of equal width, on the test split.
    - Invariance, where the data has `video`: the mean distance of an encoder's codes of two
      frames of one video, divided by that of frames of different videos. Content is below 1.
    - Swap, where the task has the method `swap(model, first, second)`: it gets the task's whole
      model and two batches of raw float features (those that the task reads) and returns
      `(batch, ...)` in the shape of the first of these features, with the content of `first`
      and the pose of `second`. A logistic regression on real raw examples must then read the
      content factors of `first` and the pose factors of `second`; "real" is what it reads off
      real test examples.

    What stands beside it: random init and "chance". There is no raw input: it is no code.

    Args:
        encoders: Names of encoders of the run; None for all of them.
        content: Features with factors of the content, one class or number an example.
        pose: Features with factors of the pose.
        video: Feature with the videos for the invariance.
        seeds: How many times partners are drawn for swaps; it makes no difference without them.
    """

    reads = ("label",)
    needs_encoder = True
    hyperparameters = {
        "encoders": Optional(ListOf(Text("the name of an encoder"), min_length=1), "all of them"),
        "content": ListOf(Text("the name of a feature"), min_length=1),
        "pose": ListOf(Text("the name of a feature")),
        "video": Text("the name of a feature"),
        "seeds": Integer(1),
    }

    def __init__(self, *, encoders=None, content=("label",), pose=(), video="video", seeds=1):
        super().__init__(encoders=encoders, content=content, pose=pose, video=video, seeds=seeds)
        self.reads = (*self.content, *self.pose)

    def run(self, subject, seed):
        """Returns "<factor> from <encoder>", "chance of <factor>", "MIG" and what else applies."""
        names = self.encoders or subject.encoder_names
        sides = {name: subject.of_encoder(name) for name in names}
        first = sides[names[0]]
        result = {}
        for factor in self.reads:
            for name, side in sides.items():
                found = Linear(target=factor).run(side, seed)
                result[f"{factor} from {name}"] = found.get("top-1", found.get("R^2"))
            if not np.issubdtype(first.targets("train", factor).dtype, np.floating):
                classes, train, test = classes_of(first, factor)
                commonest = np.bincount(train, minlength=len(classes)).argmax()
                result[f"chance of {factor}"] = float((test == commonest).mean())
        self._keep_picture(subject, names, result)
        codes = np.concatenate([side.features("test") for side in sides.values()], axis=1)
        if codes.shape[1] > 1:
            columns = [
                column
                for factor in self.reads
                for column in factor_columns(first.targets("test", factor))
            ]
            result["MIG"] = gap(codes, columns)
        if self.video in subject.split("test").features:
            for name, side in sides.items():
                # An encoder of sound or of whole clips has no codes of frames.
                if side.feature == self.video and gives_frames(side.encoder):
                    frames = side.frame_features("test", self.video)
                    result[f"invariance of {name}"] = invariance(frames)
        if hasattr(subject.task, "swap"):
            result |= self._swap(subject, seed)
        return result

    def _keep_picture(self, subject, names, result):
        scores = [
            [
                *(result[f"{factor} from {name}"] for name in names),
                result.get(f"chance of {factor}"),
            ]
            for factor in self.reads
        ]

        def draw():
            from sslkeras.pictures.factors import draw_factors

            title = f"What a linear probe reads ({subject.name})"
            return draw_factors(np.array(scores, np.float64), self.reads, names, title)

        subject.picture(
            "factors",
            draw,
            "How well each factor (rows) can be read from each encoder (columns). Where content "
            "and pose are apart, each has its own encoder.",
        )

    def _swap(self, subject, seed):
        reads = tuple(subject.task.reads)
        raw = {}
        for split in ("train", "test"):
            parts = {name: [] for name in (*reads, *self.reads)}
            for batch in subject.split(split).batches(subject.batch_size, only=tuple(parts)):
                for name in reads:
                    parts[name].append(as_float({name: batch[name]})[name].numpy())
                for name in self.reads:
                    parts[name].append(batch[name].numpy())
            raw[split] = {name: np.concatenate(values) for name, values in parts.items()}
        test = raw["test"]
        other = np.random.default_rng(seed).permutation(len(test[reads[0]]))
        made = []
        for start in range(0, len(other), subject.batch_size):
            rows = slice(start, start + subject.batch_size)
            one = {name: test[name][rows] for name in reads}
            two = {name: test[name][other[rows]] for name in reads}
            made.append(np.asarray(subject.task.swap(subject.model, one, two), np.float32))
        made = np.concatenate(made)
        if made.shape != test[reads[0]].shape:
            raise DataError(
                f"`swap` of the task must return examples of the shape of '{reads[0]}', "
                f"{test[reads[0]].shape}. Received: {made.shape}. Have the task mended."
            )
        flat = made.reshape(len(made), -1)
        check_finite(flat, "swapped examples", "test")
        result = {}
        for factor in self.reads:
            truth = test[factor]
            if truth.ndim != 1 or np.issubdtype(truth.dtype, np.floating):
                continue  # No class that a classifier could read.
            rows = slice(None)
            if len(raw["train"][factor]) > _MOST_EXAMPLES:
                rows = subset(raw["train"][factor], _MOST_EXAMPLES, seed)
            score = _classifier(
                raw["train"][reads[0]][rows], raw["train"][factor][rows], subject.note
            )
            result[f"swap, {factor} real"] = float((score(test[reads[0]]) == truth).mean())
            wanted = truth if factor in self.content else truth[other]
            result[f"swap, {factor}"] = float((score(flat) == wanted).mean())
        return result


def _classifier(examples, labels, note):
    """Logistic regression on raw values: `examples -> classes`."""
    flat = examples.reshape(len(examples), -1).astype(np.float64)
    classes, truth = np.unique(labels, return_inverse=True)
    mean, deviation = flat.mean(axis=0), max(flat.std(), 1e-6)
    scores = fit_logistic((flat - mean) / deviation, truth, 1.0, len(classes), note)
    return lambda rows: classes[
        scores((rows.reshape(len(rows), -1) - mean) / deviation).argmax(axis=1)
    ]


def factor_columns(values, bins=20) -> list:
    """Discrete columns of a factor: classes as they are, real numbers in `bins` bins each."""
    values = values.reshape(len(values), -1)
    if np.issubdtype(values.dtype, np.floating):
        return list(binned(values, bins).T)
    return [np.unique(column, return_inverse=True)[1] for column in values.T]


def gap(codes, factors, bins=20) -> float:
    """MIG of scalar codes.

    Args:
        codes: float `(examples, codes)`, two codes or more.
        factors: int `(examples,)` of each factor.
        bins: Equally wide bins of a code.

    Raises:
        DataError: If a factor does not vary.
    """
    entropies = [entropy(factor) for factor in factors]
    if min(entropies) == 0.0:
        raise DataError(
            "A factor must have two or more values in the test split. Received: one for factor "
            f"{entropies.index(0.0)}. Leave it out."
        )
    levels = binned(codes, bins)
    information = np.stack([mutual_information(levels, factor) for factor in factors])
    return mutual_information_gap(information, entropies)


def invariance(videos) -> float:
    """Mean distance of two frames of one video, divided by that of frames of different ones.

    Args:
        videos: `(frames, features)` for each video: two videos or more, of which one has two
            frames or more.

    Returns:
        0 for codes that are constant in each video; NaN if all frames of all videos are equal.

    Raises:
        DataError: If there are too few videos or frames.
    """
    if len(videos) < 2 or max(map(len, videos)) < 2:
        raise DataError(
            "Invariance needs two or more videos, and one of two or more frames. Received: "
            f"{len(videos)} videos with at most {max(map(len, videos), default=0)} frames. Choose "
            "another dataset."
        )
    step = -(-len(videos) // max(2, _MOST_FRAMES // max(map(len, videos))))
    videos = [frames.astype(np.float64) for frames in videos[::step]]
    within, between = [0.0, 0], [0.0, 0]
    for one, two in itertools.combinations_with_replacement(range(len(videos)), 2):
        distances = distance.cdist(videos[one], videos[two])
        if one == two:
            distances = distances[np.triu_indices(len(distances), 1)]
        total = within if one == two else between
        total[0] += distances.sum()
        total[1] += distances.size
    if between[0] == 0.0 or within[1] == 0:
        return float("nan")
    return float((within[0] / within[1]) / (between[0] / between[1]))
