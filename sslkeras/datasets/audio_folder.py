"""Sound files below a folder."""

import functools
import os

import numpy as np
import tensorflow as tf

from sslkeras.datasets.decoded_split import DecodedSplit, warn_of_skipped
from sslkeras.datasets.folder import Folder
from sslkeras.datasets.folder_parts import divide
from sslkeras.datasets.sound_files import SOUNDS, list_sounds, read_sound
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Integer, ListOf, Optional, Real, Text


class AudioFolder(Folder):
    """Sounds (wav, flac, ogg, opus, mp3, m4a, aac, aiff); `pip install sslkeras[audio]`.

    An example is a stretch of `seconds`. Its place is fixed: stretches begin every `hop` seconds
    of a sound, so that the i-th example is always the same one. A sound that is shorter is one
    example, with silence at both ends; of a longer one, what is left at the end is not used.
    Channels are averaged, and all sounds are brought to one sample rate.

    Features of an example:

    - `waveform`: float32 `(seconds * sample_rate,)` in [-1, 1].
    - `label`: int32 class, where every file lies in a sub-folder, one a class.
    - `clip`: int32 number of the file it comes from, unique in both splits.

    The split is by files: the sub-folders `train` and one called `test`, `val`, `validation` or
    `valid`; else a seeded random `test_fraction` of the files.

    What is damaged or cut off is skipped, counted and named: it is in `split.skipped` and in a
    warning. Where damage shows only when a sound is decoded, the next readable example takes its
    place in a shuffled order, and a pass in the stored order leaves it out. Lengths are found
    once, and remembered in the user's cache folder until a file changes.

    Args:
        path: The folder.
        sample_rate: Samples in a second. Defaults to 16000.
        seconds: Length of an example. Defaults to 1.
        hop: Seconds from the begin of one example to that of the next; None: `seconds`, so that
            none overlap.
        classes: Sub-folders to keep, in this order; None for all, sorted.
        test_fraction: Share of the files to hold out, in [0, 1), where no folder says which.
        seed: Integer that chooses which files are held out.

    Raises:
        DataError: If `path` is no folder or holds no sound, or none to train on can be read.
    """

    kind = "sounds"
    features = {
        "waveform": "float32 seconds * sample_rate",
        "label": "int32 class, with sub-folders",
        "clip": "int32 number of the file",
    }
    hyperparameters = {
        "path": Text("the path of a folder"),
        "sample_rate": Integer(1, unit="samples a second"),
        "seconds": Real(0, closed="neither", unit="seconds"),
        "hop": Optional(Real(0, closed="neither", unit="seconds"), "as long as an example"),
        "classes": Optional(ListOf(Text(), min_length=1), "all"),
        "test_fraction": Real(0, 1, closed="left"),
        "seed": Integer(0),
    }

    def __init__(
        self,
        path,
        *,
        sample_rate=16000,
        seconds=1.0,
        hop=None,
        classes=None,
        test_fraction=0.1,
        seed=0,
    ):
        super().__init__(
            path=os.fspath(path),
            sample_rate=sample_rate,
            seconds=seconds,
            hop=hop,
            classes=classes,
            test_fraction=test_fraction,
            seed=seed,
        )
        self._sounds = list_sounds(self.path)
        if not self._sounds:
            raise DataError(
                f"The folder must hold sounds ({', '.join(SOUNDS)}). Received: {self.path!r} "
                "without any. Check the path."
            )
        parts = divide(
            [sound.name for sound in self._sounds],
            classes=self.classes,
            test_fraction=self.test_fraction,
            seed=self.seed,
        )
        self.label_names = parts.label_names
        self.hold(self._make_split(parts, False), self._make_split(parts, True))

    def _make_split(self, parts, test):
        numbers = [n for n, tested in enumerate(parts.tested) if tested is test]
        damaged = [n for n in numbers if self._sounds[n].damage is not None]
        warn_of_skipped("sounds", [self._sounds[n].damage for n in damaged])
        usable = [n for n in numbers if self._sounds[n].damage is None]
        skipped = [self._sounds[n].name for n in damaged]
        if not usable:
            if skipped:
                raise DataError(
                    "A split must have a readable sound. Received: "
                    f"{len(skipped)} files in {self.path!r}, all damaged, such as {skipped[0]!r}. "
                    "Check that the files are whole."
                )
            return None
        places = [(n, start) for n in usable for start in self._starts(self._sounds[n])]
        length = round(self.seconds * self.sample_rate)
        labels = None if parts.label_names is None else parts.labels
        return _Stretches(self._sounds, places, labels, length, self.sample_rate, skipped)

    def _starts(self, sound):
        """Where the examples of a sound begin on the clock of its file, in seconds."""
        surplus = sound.seconds - self.seconds
        if surplus <= 0:
            return [sound.start + surplus / 2]
        hop = self.hop or self.seconds
        # Lengths are whole samples, and sums of seconds are not exact.
        return sound.start + hop * np.arange(int(surplus / hop + 1e-6) + 1)


class _Stretches(DecodedSplit):
    """Stretches of sounds, decoded when they are read.

    Args:
        sounds: List of `Sound`.
        places: (number of the sound, begin in seconds) of each example.
        labels: Class of each sound, or None.
        length: Samples in an example.
        rate: Samples in a second.
        skipped: Names of what was left out.
    """

    def __init__(self, sounds, places, labels, length, rate, skipped):
        self._sounds, self._labels, self._length, self._rate = sounds, labels, length, rate
        self._which, starts = zip(*places)
        self._starts = np.array(starts)
        features = {"waveform": tf.TensorSpec((length,), tf.float32, "waveform")}
        if labels is not None:
            features["label"] = tf.TensorSpec((), tf.int32, "label")
        features["clip"] = tf.TensorSpec((), tf.int32, "clip")
        super().__init__(len(places), features, ("waveform",), skipped=skipped, kind="sound")

    def decode(self, index, names):
        sound = self._sounds[self._which[index]]
        start = float(self._starts[index])
        return {"waveform": read_sound(sound.path, start, self._length, self._rate)}

    def source(self, index):
        return self._sounds[self._which[index]].name

    @functools.cached_property
    def columns(self):
        with tf.init_scope(), tf.device("CPU:0"):
            columns = {"clip": tf.constant(self._which, tf.int32)}
            if self._labels is not None:
                labels = np.array(self._labels)[list(self._which)]
                columns["label"] = tf.constant(labels, tf.int32)
        return columns
