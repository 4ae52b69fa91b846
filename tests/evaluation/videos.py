"""Subjects of small videos whose raw frames are the features."""

import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.evaluation.probe import Subject


def padded(videos, fill=99.0):
    """Videos `(frames, features)` of different lengths as one array of 1 x features pixels."""
    longest = max(map(len, videos))
    shape = (len(videos), longest, 1, np.shape(videos[0])[1], 1)
    result = np.full(shape, fill, np.float32)
    for row, frames in zip(result, videos, strict=True):
        row[: len(frames), 0, :, 0] = frames
    return result


def split_of(videos, phases=None, **more):
    """An `ArraySplit` of videos `(frames, features)` with a phase for each frame."""
    videos = [np.asarray(frames, np.float32).reshape(len(frames), -1) for frames in videos]
    arrays = {"video": padded(videos), "num_frames": np.array([len(one) for one in videos])}
    if phases is not None:
        longest = arrays["video"].shape[1]
        arrays["phase"] = np.array(
            [list(one) + [0] * (longest - len(one)) for one in phases], np.int32
        )
    return ArraySplit({**arrays, **{name: np.asarray(value) for name, value in more.items()}})


def subject_of_videos(train, test):
    """A `Subject` of two splits; its features are the values of the frames."""
    return Subject("raw input", Given(train, test), "video", None)
