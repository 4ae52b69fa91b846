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
from sslkeras.hyperparameters import Boolean, Text


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
        same_view: Whether frames of the same view may answer. Without, only what does not depend
            on the camera helps; pixels of one camera find each other without any learning.
    """

    needs_features = False
    reads = ("views", "attributes")
    hyperparameters = {
        "views": Text("the name of a feature"),
        "target": Text("the name of a feature"),
        "same_view": Boolean(),
    }

    def __init__(self, *, views="views", target="attributes", same_view=True):
        super().__init__(views=views, target=target, same_view=same_view)
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
        if not self.same_view and min(map(len, sequences)) < 2:
            raise DataError(
                "With same_view=False the probe 'attribute_error' needs two or more views of each "
                "sequence. Received: one. Choose another dataset, or same_view=True."
            )
        place = np.concatenate([_places(n, *views.shape[:2]) for n, views in enumerate(sequences)])
        frames = np.concatenate([views.reshape(-1, views.shape[-1]) for views in sequences])
        found = _nearest_elsewhere(frames, place, self.same_view)
        truth = np.concatenate(truth)
        named = truth[found]
        changing = [number for number in range(truth.shape[1]) if np.ptp(truth[:, number])]
        if not changing:
            raise DataError(
                f"'{self.target}' must take two or more values in the test split. Received: one "
                "value of each attribute. Choose another dataset or `target`."
            )
        errors = {n: 1.0 - balanced_recall(truth[:, n], named[:, n]) for n in changing}
        self._keep_picture(subject, place, found, truth[:, changing])
        chance = [1.0 - 1.0 / len(np.unique(truth[:, n])) for n in changing]
        return {
            "error": float(np.mean(list(errors.values()))),
            "chance": float(np.mean(chance)),
            **{f"error, attribute {number}": error for number, error in errors.items()},
        }

    def _keep_picture(self, subject, place, found, attributes):
        def draw():
            from sslkeras.pictures.alignment import draw_frames_elsewhere

            return draw_frames_elsewhere(subject, self.views, place, found, attributes)

        subject.picture(
            "frames",
            draw,
            "Frames of a test sequence; below each the nearest frame of any other one. ✓ has the "
            "same attributes, which stand below.",
        )


def balanced_recall(truth, named) -> float:
    """Recall averaged over the classes that occur in `truth`; both int `(frames,)`."""
    _, classes, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(classes, weights=truth == named) / counts).mean())


def _places(number, views, frames):
    """int `(views * frames, 3)`: sequence, view and time of each frame."""
    view, time = np.divmod(np.arange(views * frames), frames)
    return np.stack([np.full(views * frames, number), view, time], axis=1)


def _nearest_elsewhere(frames, place, same_view):
    """int64 `(all frames,)`: the nearest frame of another sequence, and view if asked for."""
    found = np.empty(len(frames), np.int64)
    groups = place[:, :1] if same_view else place[:, :2]
    for group in np.unique(groups, axis=0):
        asked = (groups == group).all(axis=1)
        # Neither of the same sequence nor, if that is so, of the same view.
        bank = np.flatnonzero((groups != group).all(axis=1))
        found[asked] = bank[nearest(frames[asked], frames[bank])[1][:, 0]]
    return found


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
