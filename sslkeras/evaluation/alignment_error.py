"""Alignment error: is the nearest frame of another camera the one of the same moment?

P. Sermanet et al., "Time-Contrastive Networks: Self-Supervised Learning from Video", ICRA
2018, https://arxiv.org/abs/1704.06888 (section IV).
"""

import itertools

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.kendall_tau import PATHS_CAPTION
from sslkeras.evaluation.nearest import nearest
from sslkeras.evaluation.probe import Probe
from sslkeras.hyperparameters import Text


class AlignmentError(Probe):
    """Distance in time to the nearest frame in a synchronised view, as a share of the video.

    For each ordered pair of views of a test sequence of T frames, with n(i) the frame of the
    second view that is nearest (Euclidean) to frame i of the first,

        error = mean over i of |i - n(i)| / T

    What stands beside it: random init, the raw frames, and "chance", which is 1/3 for long
    sequences. Smaller is better: a good encoder has a negative gain.

    Args:
        views: Feature with the sequences, `(views, time, height, width, channels)`, two views
            or more, filmed at the same time; 'num_frames' tells where padding begins.
    """

    needs_features = False
    reads = ("views",)
    hyperparameters = {"views": Text("the name of a feature")}

    def __init__(self, *, views="views"):
        super().__init__(views=views)
        self.frames = views
        self.reads = (views,)

    def run(self, subject, seed):
        """Returns "error", its mean over pairs of views and test sequences, and "chance"."""
        sequences = subject.frame_features("test", self.views)
        for number, views in enumerate(sequences):
            if views.ndim != 3 or len(views) < 2 or views.shape[1] < 2:
                raise DataError(
                    "The probe 'alignment_error' needs sequences of two or more views and frames, "
                    f"'{self.views}' (views, time, height, width, channels). Received: features of "
                    f"shape {views.shape} (test split, sequence {number}). Choose another dataset."
                )
        errors = [
            alignment_error(views[a], views[b])
            for views in sequences
            for a, b in itertools.permutations(range(len(views)), 2)
        ]

        def draw():
            from sslkeras.pictures.alignment import PAIRS, draw_paths

            return draw_paths(
                [
                    {
                        "first": views[0],
                        "second": views[1],
                        "names": [f"view {v}, sequence {number}" for v in (0, 1)],
                        "text": f"error {alignment_error(views[0], views[1]):.3f}",
                    }
                    for number, views in enumerate(sequences[:PAIRS])
                ],
                f"Nearest frames of another view ({subject.name})",
            )

        subject.picture("paths", draw, PATHS_CAPTION)
        # The mean of |i - j| over all i and j below T is (T^2 - 1) / 3T.
        lengths = np.array([views.shape[1] for views in sequences], np.float64)
        chance = (lengths**2 - 1) / (3 * lengths**2)
        return {"error": float(np.mean(errors)), "chance": float(chance.mean())}


def alignment_error(first, second) -> float:
    """Mean of |i - n(i)| / T of one view against another, `(frames, features)` each."""
    neighbours = nearest(first, second)[1][:, 0]
    return float(np.abs(np.arange(len(first)) - neighbours).mean() / len(first))
