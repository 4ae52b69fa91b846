"""Phase progression: is the time to an event a linear function of the features?

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846 (section 4).
"""

import numpy as np
from sklearn.linear_model import LinearRegression

from sslkeras.errors import DataError
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.video_frames import phases_of
from sslkeras.hyperparameters import Text


class PhaseProgression(Probe):
    """Ordinary least squares from a frame's features to its time from each key event.

    The event between a phase and the next one is at the frame t_e where the phase was last
    seen (see `event_frame`); frame t of a video of T frames has the target

        (t - t_e) / T

    One regression an event is fitted on all frames of the train videos. R^2 on the frames of
    the test videos, averaged over events, is 1 for a perfect prediction and negative for one
    worse than the mean.

    What stands beside it: random init and the raw frames.

    Args:
        target: Feature with the phase of each frame, integers >= 0 in the order of the action.
        video: Feature with the videos.
    """

    needs_features = False
    reads = ("video", "phase")
    hyperparameters = {
        "target": Text("the name of a feature"),
        "video": Text("the name of a feature"),
    }

    def __init__(self, *, target="phase", video="video"):
        super().__init__(target=target, video=video)
        self.frames = video
        self.reads = (video, target)

    def run(self, subject, seed):
        """Returns "R^2"; nothing is random."""
        phases = {
            split: phases_of(subject, split, self.target, self.video) for split in ("train", "test")
        }
        events = max(phase.max() for split in phases.values() for phase in split)
        if events < 1:
            raise DataError(
                f"'{self.target}' must have two or more phases. Received: phase 0 alone. Choose "
                "another dataset or `target`."
            )
        targets = {split: [progress(phase, events) for phase in phases[split]] for split in phases}
        train = np.concatenate(subject.frame_features("train", self.video))
        test = subject.frame_features("test", self.video)
        if sum(map(len, test)) < 2:
            raise DataError(
                "R^2 must be taken over two or more test frames. Received: one frame. Choose a "
                "dataset with longer test videos."
            )
        model = fitted(train, np.concatenate(targets["train"]))

        def draw():
            from sslkeras.pictures.progress import draw_progress

            predicted = [model.predict(frames.astype(np.float64)) for frames in test]
            return draw_progress(
                targets["test"], predicted, f"Time to the end of a phase ({subject.name})"
            )

        subject.picture(
            "progress",
            draw,
            "Frames of test videos: how far each event is away, in truth (dashed) and as told by "
            "the features (solid), as a share of the video; 0 is the moment itself.",
        )
        return {"R^2": score(model, np.concatenate(test), np.concatenate(targets["test"]))}


def event_frame(phases, event) -> int:
    """Index of the last frame of phase `event`.

    If a video lacks the phase: of the first frame of the next phase it has; of its last
    frame if there is none.
    """
    frames = np.flatnonzero(phases == event)
    if len(frames):
        return int(frames[-1])
    later = np.flatnonzero(phases > event)
    return int(later[0]) if len(later) else len(phases) - 1


def progress(phases, events):
    """Time from each of the first `events` events as a share of the video, `(frames, events)`."""
    frames = np.arange(len(phases))
    columns = [(frames - event_frame(phases, event)) / len(phases) for event in range(events)]
    return np.stack(columns, axis=1)


def fitted(train, targets) -> LinearRegression:
    """Least squares from features `(frames, features)` to `progress`, `(frames, events)`."""
    return LinearRegression().fit(train.astype(np.float64), targets)


def score(model, test, targets) -> float:
    """Mean over the columns of the targets of R^2 on test frames."""
    return float(model.score(test.astype(np.float64), targets))
