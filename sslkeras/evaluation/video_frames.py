"""What the probes of videos of one action share: their frames, phases and pairs."""

import itertools

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.frame_features import OFFER


def phases_of(subject, split, target, video) -> list:
    """int64 `(frames,)` for each video of a split.

    Raises:
        DataError: If the data lacks them, they are no integers, or their number is not that of
            the frames.
    """
    features = subject.frame_features(split, video)
    phases = subject.frame_targets(split, target, video)
    for number, (frames, phase) in enumerate(zip(features, phases, strict=True)):
        if phase.ndim != 1 or len(phase) != len(frames):
            raise DataError(
                f"'{target}' must have one value for each frame of '{video}'. Received: shape "
                f"{phase.shape} for {len(frames)} frames ({split} split, video {number}). {OFFER}."
            )
        if not np.issubdtype(phase.dtype, np.integer) or phase.min() < 0:
            raise DataError(
                f"'{target}' must be integers >= 0, one for each frame. Received: {phase.dtype}"
                f"{', least ' + str(phase.min())} ({split} split, video {number}). {OFFER}."
            )
    return [phase.astype(np.int64) for phase in phases]


def check_phases(phases, target, split):
    """Raises `DataError` unless the videos of a split have two or more different phases."""
    found = np.unique(np.concatenate(phases))
    if len(found) < 2:
        raise DataError(
            f"'{target}' must have two or more phases in the {split} split. Received: "
            f"{found.tolist()}. Choose another dataset or `target`."
        )


def check_videos(videos, probe, least_videos, least_frames):
    """Raises `DataError` unless there are enough videos and each is long enough."""
    if len(videos) < least_videos:
        raise DataError(
            f"The probe '{probe}' needs {least_videos} or more videos in the test split. "
            f"Received: {len(videos)}. Choose a dataset with more of them."
        )
    for number, frames in enumerate(videos):
        if len(frames) < least_frames:
            raise DataError(
                f"The probe '{probe}' needs videos of {least_frames} or more frames. Received: "
                f"{len(frames)} (test split, video {number}). Leave out videos that are shorter."
            )


def actions_of(subject, action, video, count):
    """What each of `count` test videos shows; the same for all if `action` is None."""
    if action is None:
        return [0] * count
    actions = subject.frame_targets("test", action, video)
    if any(np.ndim(one) for one in actions):
        raise DataError(
            f"'{action}' must be one value for each video. Received: shape "
            f"{np.shape(actions[0])}. Choose another `action`."
        )
    return actions


def ordered_pairs(actions, probe):
    """Pairs (a, b) of different videos that show the same action.

    Raises:
        DataError: If there is none.
    """
    pairs = [
        (a, b)
        for a, b in itertools.permutations(range(len(actions)), 2)
        if actions[a] == actions[b]
    ]
    if not pairs:
        raise DataError(
            f"The probe '{probe}' needs two test videos of one action. Received: one of each. "
            "Choose a dataset with more of them, or action=None."
        )
    return pairs
