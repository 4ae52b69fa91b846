"""Frame retrieval: the frames of other videos that show the same moment.

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (fine-grained retrieval).
"""

import numpy as np

from sslkeras.evaluation.nearest import nearest
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.video_frames import (
    actions_of,
    check_phases,
    check_videos,
    ordered_pairs,
    phases_of,
)
from sslkeras.hyperparameters import Integer, ListOf, Optional, Text


class FrameRetrieval(Probe):
    """For each frame of a test video, its nearest frames in the other test videos.

    Nothing is trained; distances are Euclidean. What stands beside it: random init, the raw
    frames, and "chance AP", the share of frames of other videos that have the phase.

    The indices behind the numbers are kept for a grid of pictures, in `nearest_frames.json`: a
    list of {"video": a, "other": b, "frames": [...]} with the frame of test video b that is
    nearest to each frame of test video a.

    Args:
        k: Numbers of nearest frames, of all other videos together, for "AP@k".
        target: Feature with the phase of each frame, integers >= 0.
        action: Feature that tells which action a video shows; only videos of one action are
            searched. None: all show the same.
        video: Feature with the videos.
    """

    needs_features = False
    reads = ("video", "phase")
    hyperparameters = {
        "k": ListOf(Integer(1), min_length=1),
        "target": Text("the name of a feature"),
        "action": Optional(Text("the name of a feature"), "all videos show the same"),
        "video": Text("the name of a feature"),
    }

    def __init__(self, *, k=(5, 10, 15), target="phase", action=None, video="video"):
        super().__init__(k=k, target=target, action=action, video=video)
        self.frames = video
        self.reads = (video, target) if action is None else (video, target, action)

    def run(self, subject, seed):
        """Searches for all frames; nothing is random.

        Returns:
            "phase agreement@1" (share of videos whose nearest frame has the query's phase),
            "AP@k" (share of frames of the query's phase among the k nearest), "chance AP",
            and "progress difference": mean |t/T - t'/T'| to the nearest frame of each video.
        """
        videos = subject.frame_features("test", self.video)
        check_videos(videos, "frame_retrieval", 2, 1)
        phases = phases_of(subject, "test", self.target, self.video)
        check_phases(phases, self.target, "test")
        actions = actions_of(subject, self.action, self.video, len(videos))
        pairs = ordered_pairs(actions, "frame_retrieval")
        agreement, difference, kept = [], [], []
        all_found = neighbours(videos, pairs)
        for (a, b), found in all_found.items():
            kept.append({"video": a, "other": b, "frames": found.tolist()})
            agreement.append(phases[a] == phases[b][found])
            difference.append(np.abs(np.arange(len(found)) / len(found) - found / len(videos[b])))
        subject.keep("nearest_frames", kept)

        def draw():
            from sslkeras.pictures.alignment import draw_matched_frames

            return draw_matched_frames(subject, self.video, all_found, phases)

        subject.picture(
            "frames",
            draw,
            "Frames of one test video (top row), and below each the nearest frame of others; ✓ has "
            "the same phase.",
        )
        result = {"phase agreement@1": float(np.concatenate(agreement).mean())}
        for k, share in self._precision(videos, phases, pairs, subject).items():
            result[f"AP@{k}" if k else "chance AP"] = share
        result["progress difference"] = float(np.concatenate(difference).mean())
        return result

    def _precision(self, videos, phases, pairs, subject):
        """Share of frames of the query's phase among the k nearest; 0 stands for all frames."""
        shares = {}
        for a in sorted({a for a, _ in pairs}):
            others = [b for first, b in pairs if first == a]
            bank = np.concatenate([videos[b] for b in others])
            labels = np.concatenate([phases[b] for b in others])
            most = min(max(self.k), len(bank))
            same = labels[nearest(videos[a], bank, most)[1]] == phases[a][:, np.newaxis]
            for k in self.k:
                if k > len(bank):
                    subject.note(f"AP@{k} of frame_retrieval is over the {len(bank)} frames there.")
                shares.setdefault(k, []).append(same[:, :k].mean(axis=1))
            shares.setdefault(0, []).append((labels == phases[a][:, np.newaxis]).mean(axis=1))
        return {k: float(np.concatenate(parts).mean()) for k, parts in shares.items()}


def neighbours(videos, pairs) -> dict:
    """The nearest frame in video b of each frame of video a.

    Args:
        videos: `(frames, features)` for each video.
        pairs: Pairs (a, b) of indices of videos.

    Returns:
        int `(frames of a,)`, indices of frames of b, by (a, b).
    """
    return {(a, b): nearest(videos[a], videos[b])[1][:, 0] for a, b in pairs}
