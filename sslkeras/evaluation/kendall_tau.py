"""Kendall's tau: do nearest neighbours in other videos follow in the same order?

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (section 4).
"""

import numpy as np
from scipy import stats

from sslkeras.evaluation.nearest import nearest
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.video_frames import actions_of, check_videos, ordered_pairs
from sslkeras.hyperparameters import Integer, Optional, Text

PATHS_CAPTION = (
    "Distances of all frames of two videos (dark is near), and the nearest frame of the second "
    "for each of the first: videos that are aligned give a rising line."
)


class KendallTau(Probe):
    """Temporal alignment of test videos of one action, without any labels.

    For each ordered pair of videos, the nearest frame (Euclidean) in the second one of each
    frame of the first gives a sequence of indices. Kendall's tau-b between that sequence and
    0, 1, 2, ... is 1 if the order is kept, -1 if it is reversed and about 0 by chance. Pairs
    without a value (all indices are equal) are dropped and counted.

    What stands beside it: random init and the raw frames. Repetitive actions have no tau.

    Args:
        stride: Every how many frames of a video are used (5 for Penn Action and 2 for pouring in
            the paper's code).
        action: Feature that tells which action a video shows; only videos of one action are
            compared. None: all show the same.
        video: Feature with the videos; see docs/probes.md for what else they may come with.
    """

    needs_features = False
    reads = ("video",)
    hyperparameters = {
        "stride": Integer(1, unit="frames"),
        "action": Optional(Text("the name of a feature"), "all videos show the same"),
        "video": Text("the name of a feature"),
    }

    def __init__(self, *, stride=1, action=None, video="video"):
        super().__init__(stride=stride, action=action, video=video)
        self.frames = video
        self.reads = (video,) if action is None else (video, action)

    def run(self, subject, seed):
        """Returns "tau", its mean over pairs of test videos, and "dropped pairs"."""
        videos = subject.frame_features("test", self.video)
        check_videos(videos, "kendall_tau", 2, self.stride + 1)
        pairs = ordered_pairs(
            actions_of(subject, self.action, self.video, len(videos)), "kendall_tau"
        )
        videos = [frames[:: self.stride] for frames in videos]
        taus = np.array([tau(nearest(videos[a], videos[b])[1][:, 0]) for a, b in pairs])

        def draw():
            from sslkeras.pictures.alignment import PAIRS, draw_paths

            # Every pair once, and no more than are drawn.
            drawn = [n for n, (a, b) in enumerate(pairs) if a < b][:PAIRS]
            return draw_paths(
                [
                    {
                        "first": videos[pairs[n][0]],
                        "second": videos[pairs[n][1]],
                        "names": [f"test video {v}" for v in pairs[n]],
                        "text": f"tau {taus[n]:.2f}",
                    }
                    for n in drawn
                ],
                f"Nearest frames of other videos ({subject.name})",
            )

        subject.picture("paths", draw, PATHS_CAPTION)
        dropped = int(np.isnan(taus).sum())
        if dropped:
            subject.note(
                f"Kendall's tau of '{subject.name}': {dropped} of {len(taus)} pairs of videos have "
                "none, as all frames of one are nearest to a single frame of the other."
            )
        mean = float("nan") if dropped == len(taus) else float(np.nanmean(taus))
        return {"tau": mean, "dropped pairs": float(dropped)}


def tau(indices) -> float:
    """Kendall's tau-b between 0, 1, 2, ... and `indices`; NaN if they are all equal."""
    if (indices == indices[0]).all():
        return float("nan")
    return float(stats.kendalltau(np.arange(len(indices)), indices)[0])
