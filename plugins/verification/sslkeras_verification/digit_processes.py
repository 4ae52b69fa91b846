"""Videos of one process: a digit that travels along an arc, each time at another pace.

Data for tasks that align videos of one activity, as D. Dwibedi et al., "Temporal
Cycle-Consistency Learning", CVPR 2019, https://arxiv.org/abs/1904.07846.
"""

import functools

import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Dataset
from sslkeras.datasets.digits import NUM_TRAIN, load_digits
from sslkeras.hyperparameters import Integer, ListOf, Real

PHASES = ("first third", "second third", "last third")
_SIDE, _DIGIT = 32, 12


class DigitProcesses(Dataset):
    """Videos of 32 x 32 pixels in which a digit travels along the same arc.

    Digit, brightness and pace are others in each video; the pace changes within it, but the
    digit never goes back. Other digits lie still behind it, at places of their own, and the
    pixels are noisy. Training videos show scikit-learn's first 1297 digits, test videos the
    last 500. Videos end with frames of zeros up to the greatest length.

    Features of one video (T frames, `num_frames` of them real):

    - `video`: uint8 `(T, 32, 32, 1)`.
    - `num_frames`: int32.
    - `phase`: int32 `(T,)`, the third of the arc that the digit is in: 0, 1 or 2.
    - `label`: int32, always 0: all show one activity.

    Args:
        num_examples: Training videos, >= 1.
        num_test: Test videos, >= 1.
        lengths: Least and greatest number of frames.
        clutter: Digits that lie still.
        noise: Deviation of the noise, pixels in [0, 1].
        seed: Integer that chooses the videos.

    Raises:
        ConfigurationError: If an argument is out of range.
    """

    features = {
        "video": "uint8 video time x 32 x 32 x 1",
        "num_frames": "int32 frames that are no padding",
        "phase": "int32 third of the way, time",
        "label": "int32, always 0",
    }
    hyperparameters = {
        "num_examples": Integer(1, 100_000),
        "num_test": Integer(1, 100_000),
        "lengths": ListOf(Integer(3, 1000), length=2, increasing=True),
        "clutter": Integer(0, 20),
        "noise": Real(0, 1),
        "seed": Integer(0),
    }
    label_names = ("travel",)

    def __init__(
        self, *, num_examples=60, num_test=16, lengths=(30, 50), clutter=3, noise=0.1, seed=0
    ):
        super().__init__(
            num_examples=num_examples,
            num_test=num_test,
            lengths=lengths,
            clutter=clutter,
            noise=noise,
            seed=seed,
        )

    @functools.cached_property
    def train(self):
        return self._make_split(0, self.num_examples, slice(NUM_TRAIN))

    @functools.cached_property
    def test(self):
        return self._make_split(1, self.num_test, slice(NUM_TRAIN, None))

    def _make_split(self, number, count, part):
        digits = load_digits(_DIGIT)[0][part, ..., 0]
        longest = self.lengths[1]
        videos = np.zeros((count, longest, _SIDE, _SIDE, 1), np.uint8)
        phases = np.zeros((count, longest), np.int32)
        frames = np.zeros(count, np.int32)
        for row in range(count):
            # A generator a video: it does not depend on how many follow.
            random = np.random.default_rng([self.seed, number, row])
            frames[row] = random.integers(self.lengths[0], longest + 1)
            progress = progress_of(random, frames[row])
            drawn = self._draw(random, digits, progress)
            videos[row, : frames[row], ..., 0] = drawn
            phases[row, : frames[row]] = np.minimum((progress * 3).astype(int), 2)
        return ArraySplit(
            {
                "video": videos,
                "num_frames": frames,
                "phase": phases,
                "label": np.zeros(count, np.int32),
            }
        )

    def _draw(self, random, digits, progress):
        """uint8 `(frames, 32, 32)`."""
        room = _SIDE - _DIGIT
        still = np.zeros((_SIDE, _SIDE), np.float32)
        for _ in range(self.clutter):
            top, left = random.integers(0, room + 1, 2)
            one = 0.6 * digits[random.integers(len(digits))]
            place = still[top : top + _DIGIT, left : left + _DIGIT]
            np.maximum(place, one, out=place)
        moving = random.uniform(0.6, 1.0) * digits[random.integers(len(digits))]
        angle = np.pi * (1 - progress)
        tops = np.round(room * (1 - 0.9 * np.sin(angle))).astype(int)
        lefts = np.round(room * (0.5 + 0.5 * np.cos(angle))).astype(int)
        frames = np.repeat(still[np.newaxis], len(progress), axis=0)
        for frame, top, left in zip(frames, tops, lefts, strict=True):
            place = frame[top : top + _DIGIT, left : left + _DIGIT]
            np.maximum(place, moving, out=place)
        frames = frames + random.normal(0, self.noise, frames.shape)
        return (255 * frames.clip(0, 1)).round().astype(np.uint8)


def progress_of(random, count):
    """How far the digit is in each of `count` frames: from about 0 to about 1, never back."""
    pace = np.repeat(random.uniform(0.2, 2.0, 5), -(-count // 5))[:count]
    way = np.cumsum(pace)
    begin, end = random.uniform(0, 0.15), random.uniform(0.85, 1)
    return begin + (end - begin) * (way - way[0]) / (way[-1] - way[0])
