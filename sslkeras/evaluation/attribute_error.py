"""Attribute error: does the nearest frame of another sequence share what a frame shows?

P. Sermanet et al., "Time-Contrastive Networks: Self-Supervised Learning from Video", ICRA
2018, https://arxiv.org/abs/1704.06888 (section IV).
"""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.frame_features import OFFER
from sslkeras.evaluation.nearest import nearest
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.video_frames import check_videos
from sslkeras.hyperparameters import Text


class AttributeClassificationError(Probe):
    """Share of frames whose nearest frame, in another sequence, has another attribute.

    For each frame of a test sequence, of all its views, the nearest (Euclidean) frame of all
    other test sequences names its attributes. The error of one attribute is 1 - recall,
    averaged over its classes, so that rare classes count as much as common ones; then the
    mean over attributes is taken. Nothing is trained.

    What stands beside it: random init, the raw frames, and "chance", the error of a guess,
    1 - 1 / classes, as a mean over attributes. Smaller is better: a good encoder has a negative
    gain. An attribute that never changes tells nothing and is left out.

    Args:
        views: Feature with the sequences, `(views, time, height, width, channels)` or, of one
            camera, `(time, height, width, channels)`; 'num_frames' tells where padding begins.
        target: Feature with the attributes of each moment, integers >= 0, `(time, attributes)`
            or `(time,)`.
    """

    needs_features = False
    reads = ("views", "attributes")
    hyperparameters = {
        "views": Text("the name of a feature"),
        "target": Text("the name of a feature"),
    }

    def __init__(self, *, views="views", target="attributes"):
        super().__init__(views=views, target=target)
        self.frames = views
        self.reads = (views, target)

    def run(self, subject, seed):
        """Returns "error", "chance", and "error, attribute <number>" for each that changes."""
        sequences = subject.frame_features("test", self.views)
        check_videos(sequences, "attribute_error", 2, 1)
        attributes = subject.frame_targets("test", self.target, self.views)
        sequences = [views if views.ndim == 3 else views[np.newaxis] for views in sequences]
        truth = [
            _of_all_views(values, views, self.target, number)
            for number, (values, views) in enumerate(zip(attributes, sequences, strict=True))
        ]
        frames = [views.reshape(-1, views.shape[-1]) for views in sequences]
        named = _nearest_elsewhere(frames, truth)
        truth = np.concatenate(truth)
        changing = [number for number in range(truth.shape[1]) if np.ptp(truth[:, number])]
        if not changing:
            raise DataError(
                f"'{self.target}' must take two or more values in the test split. Received: one "
                "value of each attribute. Choose another dataset or `target`."
            )
        errors = {n: 1.0 - balanced_recall(truth[:, n], named[:, n]) for n in changing}
        chance = [1.0 - 1.0 / len(np.unique(truth[:, n])) for n in changing]
        return {
            "error": float(np.mean(list(errors.values()))),
            "chance": float(np.mean(chance)),
            **{f"error, attribute {number}": error for number, error in errors.items()},
        }


def balanced_recall(truth, named) -> float:
    """Recall averaged over the classes that occur in `truth`; both int `(frames,)`."""
    _, classes, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(classes, weights=truth == named) / counts).mean())


def _nearest_elsewhere(frames, attributes):
    """The attributes of the nearest frame of another sequence, `(all frames, attributes)`."""
    found = []
    for number, queries in enumerate(frames):
        others = [other for other in range(len(frames)) if other != number]
        rows = nearest(queries, np.concatenate([frames[other] for other in others]))[1][:, 0]
        found.append(np.concatenate([attributes[other] for other in others])[rows])
    return np.concatenate(found)


def _of_all_views(values, views, target, number):
    """int64 `(views * time, attributes)`: each view of a moment shows the same."""
    values = np.asarray(values)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2 or len(values) != views.shape[1]:
        raise DataError(
            f"'{target}' must have attributes for each moment, (time, attributes). Received: shape "
            f"{values.shape} for {views.shape[1]} moments (test split, sequence {number}). {OFFER}."
        )
    if not np.issubdtype(values.dtype, np.integer) or values.min() < 0:
        raise DataError(
            f"'{target}' must be integers >= 0, some for each moment. Received: {values.dtype}"
            f"{', least ' + str(values.min())} (test split, sequence {number}). {OFFER}."
        )
    return np.tile(values.astype(np.int64), (len(views), 1))
