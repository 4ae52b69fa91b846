"""Videos with sound below a folder: a picture, and what is heard around it."""

import functools
import math
import os

import numpy as np
import tensorflow as tf

from sslkeras.datasets.decoded_split import DecodedSplit, warn_of_skipped
from sslkeras.datasets.folder import Folder
from sslkeras.datasets.folder_parts import divide
from sslkeras.datasets.sound_files import list_sounds, read_sound
from sslkeras.datasets.video_files import CONTAINERS, list_videos, read_frames
from sslkeras.errors import DataError
from sslkeras.hyperparameters import AnyOf, Choice, Integer, ListOf, Optional, Real, Text

_WITH_SOUND = tuple(ending for ending in CONTAINERS if ending != ".gif")


class AVFolder(Folder):
    """Pictures of videos with the sound around them; `pip install sslkeras[video]`.

    An example is one frame and the `seconds` of sound whose middle is the moment at which it is
    shown. Its place is fixed: there is one every `hop` seconds of a video, so that the i-th
    example is always the same one. Frames whose sound would reach beyond the begin or the end of
    the video are not used. The moments are those of a constant frame rate.

    Features of an example:

    - `image`: uint8 `(height, width, channels)`.
    - `waveform`: float32 `(seconds * sample_rate,)` in [-1, 1], the mean of all channels.
    - `label`: int32 class, where every video lies in a sub-folder, one a class.
    - `clip`: int32 number of the video it comes from, unique in both splits.

    The split is by videos: the sub-folders `train` and one called `test`, `val`, `validation` or
    `valid`; else a seeded random `test_fraction` of the videos.

    A video that is damaged, too short or without sound is skipped, counted and named: it is in
    `split.skipped` and in a warning. Where damage shows only when it is decoded, the next readable
    example takes its place in a shuffled order, and a pass in the stored order leaves it
    out. Files are looked through once, and remembered in the user's cache folder until they
    change.

    Args:
        path: The folder.
        size: Frames are scaled to cover this side, or (height, width), in pixels, and the middle
            is kept. Defaults to 256.
        channels: 1 or 3. Defaults to 3.
        sample_rate: Samples in a second. Defaults to 48000.
        seconds: Length of the sound. Defaults to 3: one second to hear, and one more at
            each end from which tasks may cut it.
        hop: Seconds from the frame of one example to that of the next. Defaults to 1.
        classes: Sub-folders to keep, in this order; None for all, sorted.
        test_fraction: Share of the videos to hold out, in [0, 1), where no folder says which.
        seed: Integer that chooses which videos are held out.

    Raises:
        DataError: If `path` is no folder or holds no video, or none is long enough.
    """

    kind = "videos"
    features = {
        "image": "uint8 image size x size x channels",
        "waveform": "float32 seconds * sample_rate",
        "label": "int32 class, with sub-folders",
        "clip": "int32 number of the video",
    }
    hyperparameters = {
        "path": Text("the path of a folder"),
        "size": AnyOf(
            Integer(1, 4096, unit="pixels"), ListOf(Integer(1, 4096, unit="pixels"), length=2)
        ),
        "channels": Choice(1, 3),
        "sample_rate": Integer(1, unit="samples a second"),
        "seconds": Real(0, closed="neither", unit="seconds"),
        "hop": Real(0, closed="neither", unit="seconds"),
        "classes": Optional(ListOf(Text(), min_length=1), "all"),
        "test_fraction": Real(0, 1, closed="left"),
        "seed": Integer(0),
    }

    def __init__(
        self,
        path,
        *,
        size=256,
        channels=3,
        sample_rate=48000,
        seconds=3.0,
        hop=1.0,
        classes=None,
        test_fraction=0.1,
        seed=0,
    ):
        super().__init__(
            path=os.fspath(path),
            size=size,
            channels=channels,
            sample_rate=sample_rate,
            seconds=seconds,
            hop=hop,
            classes=classes,
            test_fraction=test_fraction,
            seed=seed,
        )
        self._videos = [one for one in list_videos(self.path) if one.frames is None]
        if not self._videos:
            raise DataError(
                f"The folder must hold videos with sound ({', '.join(_WITH_SOUND)}). Received: "
                f"{self.path!r} without any. Check the path."
            )
        self._sounds = {sound.name: sound for sound in list_sounds(self.path, _WITH_SOUND)}
        parts = divide(
            [video.name for video in self._videos],
            classes=self.classes,
            test_fraction=self.test_fraction,
            seed=self.seed,
        )
        self.label_names = parts.label_names
        self.hold(self._make_split(parts, False), self._make_split(parts, True))

    def _make_split(self, parts, test):
        places, skipped, reasons = [], [], []
        for number, tested in enumerate(parts.tested):
            if tested is not test:
                continue
            frames, reason = self._frames(number)
            places += [(number, frame) for frame in frames]
            if reason is not None:
                skipped.append(self._videos[number].name)
                reasons.append(reason)
        warn_of_skipped("videos", reasons)
        if not places:
            if skipped:
                raise DataError(
                    "A split must have a video with sound that is long enough for one example. "
                    f"Received: {len(skipped)} videos in {self.path!r}, all damaged, silent or too "
                    f"short, such as {skipped[0]!r}. Choose fewer `seconds`."
                )
            return None
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        return _Moments(
            self._videos,
            self._sounds,
            places,
            None if parts.label_names is None else parts.labels,
            image=(*size, self.channels),
            length=round(self.seconds * self.sample_rate),
            rate=self.sample_rate,
            skipped=skipped,
        )

    def _frames(self, number):
        """The frames of a video that are examples, and why there is none, or None."""
        video = self._videos[number]
        if video.damage is not None:
            return (), video.damage
        sound = self._sounds.get(video.name)
        if sound is None or sound.damage is not None:
            return (), sound.damage if sound else f"{video.name} has no sound"
        if not sound.frame_rate:
            return (), f"{video.name} has no frame rate"
        begin = max(sound.start, sound.first_frame)
        length = video.num_frames / sound.frame_rate
        end = min(sound.start + sound.seconds, sound.first_frame + length)
        # Sums of seconds are not exact: a thousandth of a frame is none.
        low, high = (begin + self.seconds / 2, end - self.seconds / 2)
        first = math.ceil((low - sound.first_frame) * sound.frame_rate - 1e-3)
        last = math.floor((high - sound.first_frame) * sound.frame_rate + 1e-3)
        last = min(last, video.num_frames - 1)
        step = max(1, round(self.hop * sound.frame_rate))
        frames = range(first, last + 1, step)
        if not frames:
            seconds = max(end - begin, 0.0)
            return (), f"{video.name}: {seconds:.2f} s with sound are fewer than {self.seconds:g}"
        return frames, None


class _Moments(DecodedSplit):
    """Frames and the sound around them, decoded when they are read.

    Args:
        videos: List of `Video`.
        sounds: `Sound` by name of the video.
        places: (number of the video, number of the frame) of each example.
        labels: Class of each video, or None.
        image: Shape of an image.
        length: Samples of sound in an example.
        rate: Samples in a second.
        skipped: Names of what was left out.
    """

    def __init__(self, videos, sounds, places, labels, *, image, length, rate, skipped):
        self._videos, self._sounds, self._labels = videos, sounds, labels
        self._which, self._frames = zip(*places)
        self._length, self._rate = length, rate
        features = {
            "image": tf.TensorSpec(image, tf.uint8, "image"),
            "waveform": tf.TensorSpec((length,), tf.float32, "waveform"),
        }
        if labels is not None:
            features["label"] = tf.TensorSpec((), tf.int32, "label")
        features["clip"] = tf.TensorSpec((), tf.int32, "clip")
        super().__init__(
            len(places), features, ("image", "waveform"), skipped=skipped, kind="video"
        )

    def decode(self, index, names):
        video, frame = self._videos[self._which[index]], self._frames[index]
        decoded = {}
        if "image" in names:
            height, width, channels = self.features["image"].shape
            decoded["image"] = read_frames(video, [frame], (height, width), channels)[0]
        if "waveform" in names:
            sound = self._sounds[video.name]
            middle = sound.first_frame + frame / sound.frame_rate
            start = middle - self._length / self._rate / 2
            decoded["waveform"] = read_sound(sound.path, start, self._length, self._rate)
        return decoded

    def source(self, index):
        return self._videos[self._which[index]].name

    @functools.cached_property
    def columns(self):
        with tf.init_scope(), tf.device("CPU:0"):
            columns = {"clip": tf.constant(self._which, tf.int32)}
            if self._labels is not None:
                labels = np.array(self._labels)[list(self._which)]
                columns["label"] = tf.constant(labels, tf.int32)
        return columns
