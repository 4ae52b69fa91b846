"""Video files and folders of frames below a folder."""

import dataclasses
import functools
import itertools
import os

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import files_fingerprint
from sslkeras.datasets.decoded_frames import DecodedFrames
from sslkeras.datasets.decoded_split import DecodedSplit, warn_of_skipped
from sslkeras.datasets.folder import Folder
from sslkeras.datasets.folder_parts import divide, held_out_at_random, kept_classes
from sslkeras.datasets.labelled_intervals import read_intervals
from sslkeras.datasets.video_files import (
    CONTAINERS,
    Video,
    list_videos,
    read_frames,
)
from sslkeras.errors import DataError
from sslkeras.hyperparameters import AnyOf, Boolean, Choice, Integer, ListOf, Optional, Real, Text


class VideoFolder(Folder):
    """Videos (mp4, avi, mkv, webm, GIF) and folders of frames; `pip install sslkeras[video]`.

    An example is a clip: `num_frames` frames, `stride` frames apart. Its place is fixed: clips
    begin every `hop` frames of a video, so that the i-th example is always the same one. To
    read it, decoding begins at the last keyframe before it where the container can go there
    (mp4, mkv, webm, mostly avi), else at the beginning (GIF). A folder that directly holds
    images is one video. With `num_frames=None` an example is a whole video, padded with
    zeros to the length of the longest.

    Labels come from sub-folders, one a class, where every video lies in one; or from `labels`, a
    CSV file with a line for each interval:

        video,label,start_frame,end_frame

    `video` is a path below `path`, with or without its ending; `end_frame` is not included.
    Without the last two the interval is the whole video. Clips then lie within one interval,
    whose label is theirs. Whole videos have a `phase` for each frame instead: 0 where no interval
    is, else 1 + the class. A further column `sequence` cuts whole videos into sequences: lines of
    a video with the same entry are one, from its first start to its last end.

    Features of an example (T frames of H x W pixels):

    - `video`: uint8 `(T, H, W, channels)`.
    - `label`: int32 class, where classes are known.
    - `clip`: int32 number of the video it comes from, unique in both splits.
    - `num_frames`, `phase`: int32, and int32 `(T,)`, of whole videos.

    The split is by videos, never by clips: the column `split` of `labels` (train or test); else
    the sub-folders `train` and one called `test`, `val`, `validation` or `valid`; else a
    seeded random `test_fraction` of the videos.

    What is damaged or too short for one clip is skipped, counted and named: it is in
    `split.skipped` and in a warning. A video whose damage shows only when it is decoded is
    replaced by the next readable clip in a shuffled order, and left out of a pass in the
    stored order. Files are listed once, and remembered in the user's cache folder until
    they change. Decoding runs in the process that trains, not in data services.

    With `decode_once=True` all frames of each video are decoded when the first of them is read,
    and kept in the user's cache folder as they are given: channels x height x width bytes a
    frame. Clips that overlap, and all epochs but the first, then cost next to nothing. The folder
    is not bounded; where it cannot be written, videos are decoded each time.

    Args:
        path: The folder.
        size: Frames are scaled to cover this side, or (height, width), in pixels, and the
            middle is kept. Defaults to 64.
        channels: 1 or 3. Defaults to 3.
        num_frames: Frames of a clip; None for whole videos. Defaults to 16.
        stride: Frames from one frame of an example to its next. Defaults to 1.
        hop: Frames from the begin of one clip to that of the next. None: as many as a clip
            spans, so that no two clips share a frame; 1 for clips that begin anywhere.
        labels: CSV file of labelled intervals, or None.
        classes: Labels to keep, in this order; None for all, sorted.
        decode_once: Whether decoded frames are kept on disk.
        test_fraction: Share of the videos to hold out, in [0, 1), where nothing else says which.
        seed: Integer that chooses which videos are held out.

    Raises:
        DataError: If `path` is no folder or holds no video; if `labels` cannot be read, names a
            video that is not there or one video in both splits; if no video is long enough.
    """

    kind = "videos"
    features = {
        "video": "uint8 video num_frames x size x size x channels",
        "label": "int32 class, with sub-folders or labels",
        "clip": "int32 number of the source video",
        "num_frames": "int32, of whole videos",
        "phase": "int32 num_frames, of whole videos with labels",
    }
    hyperparameters = {
        "path": Text("the path of a folder"),
        "size": AnyOf(
            Integer(1, 4096, unit="pixels"), ListOf(Integer(1, 4096, unit="pixels"), length=2)
        ),
        "channels": Choice(1, 3),
        "num_frames": Optional(Integer(1), "whole videos"),
        "stride": Integer(1, unit="frames"),
        "hop": Optional(Integer(1, unit="frames"), "as many as a clip spans"),
        "labels": Optional(Text("the path of a CSV file")),
        "classes": Optional(ListOf(Text(), min_length=1), "all"),
        "decode_once": Boolean(),
        "test_fraction": Real(0, 1, closed="left"),
        "seed": Integer(0),
    }

    def __init__(
        self,
        path,
        *,
        size=64,
        channels=3,
        num_frames=16,
        stride=1,
        hop=None,
        labels=None,
        classes=None,
        decode_once=False,
        test_fraction=0.1,
        seed=0,
    ):
        super().__init__(
            path=os.fspath(path),
            size=size,
            channels=channels,
            num_frames=num_frames,
            stride=stride,
            hop=hop,
            labels=None if labels is None else os.fspath(labels),
            classes=classes,
            decode_once=decode_once,
            test_fraction=test_fraction,
            seed=seed,
        )
        self._videos = list_videos(self.path)
        if not self._videos:
            raise DataError(
                f"The folder must hold videos ({', '.join(CONTAINERS)}) or folders of frames. "
                f"Received: {self.path!r} without any. Check the path."
            )
        if self.labels is None:
            parts, self.label_names, self._phases = *self._from_folders(), False
        else:
            parts, self.label_names = self._from_intervals()
            self._phases = self.num_frames is None
        self.hold(*self._make_splits(parts))

    def _from_folders(self):
        """Spans of the train and the test split, and the names of the classes."""
        found = divide(
            [video.name for video in self._videos],
            classes=self.classes,
            test_fraction=self.test_fraction,
            seed=self.seed,
        )
        parts = [], []
        for number, (test, label) in enumerate(zip(found.tested, found.labels, strict=True)):
            if test is not None:
                parts[test].append(_Span(number, 0, self._videos[number].num_frames, label))
        return parts, found.label_names

    def _from_intervals(self):
        intervals = read_intervals(self.labels)
        names = sorted({interval.label for interval in intervals})
        if self.classes is not None:
            names = kept_classes(names, self.classes)
            intervals = [one for one in intervals if one.label in names]
        numbers = {video.name: number for number, video in enumerate(self._videos)}
        numbers = {os.path.splitext(name)[0]: number for name, number in numbers.items()} | numbers
        unknown = {one.video for one in intervals} - set(numbers)
        if unknown:
            raise DataError(
                f"`labels` must name videos in {self.path!r}. Received: {len(unknown)} that are "
                f"not there, such as {min(unknown)!r}. Write their paths relative to the folder."
            )
        by_video = {}
        for one in intervals:
            by_video.setdefault(numbers[one.video], []).append(one)
        tested = self._tested(by_video)
        parts = [], []
        for number in sorted(by_video):
            count = self._videos[number].num_frames
            make = self._sequences if self.num_frames is None else _clip_spans
            parts[tested[number]].extend(make(number, count, by_video[number], names))
        return parts, tuple(names)

    def _tested(self, by_video):
        """Whether each video is held out."""
        splits = {number: {one.split for one in ones} for number, ones in by_video.items()}
        if all(len(names) == 1 and "" not in names for names in splits.values()):
            return {number: names == {"test"} for number, names in splits.items()}
        if any(names != {""} for names in splits.values()):
            raise DataError(
                "The column `split` must be train or test in all lines, the same for all of one "
                f"video. Received: others in {self.labels!r}. Fill it, or leave it out."
            )
        order = sorted(by_video)
        drawn = held_out_at_random(len(order), self.test_fraction, self.seed)
        return dict(zip(order, drawn, strict=True))

    def _sequences(self, number, count, intervals, names):
        """Spans of whole videos, with the classes of their intervals."""
        groups = {}
        for one in intervals:
            groups.setdefault(one.sequence, []).append(one)
        for name, ones in groups.items():
            start, end = 0, count
            if name:
                start = min(one.start for one in ones)
                end = min(count, max(count if one.end is None else one.end for one in ones))
            phases = tuple(
                (one.start, count if one.end is None else one.end, 1 + names.index(one.label))
                for one in ones
            )
            yield _Span(number, start, end, -1, phases)

    def _make_splits(self, parts):
        examples = [self._examples(spans) for spans in parts]
        if self.num_frames is None:
            lengths = [
                -(-(span.end - span.start) // self.stride)
                for usable, _ in examples
                for span in usable
            ]
            time = max(lengths, default=0)
        else:
            time = self.num_frames
        splits = []
        for spans, (usable, skipped) in zip(parts, examples, strict=True):
            if spans and not usable:
                raise DataError(
                    "A split must have a video long enough for one clip. Received: "
                    f"{len(spans)} videos or intervals in {self.path!r}, all damaged or too "
                    f"short, such as {skipped[0]!r}. Choose fewer `num_frames` or a smaller "
                    "`stride`."
                )
            splits.append(self._make_split(usable, skipped, time) if usable else None)
        return splits

    def _examples(self, spans):
        """Spans that are long enough for an example, and the names of the others."""
        least = 1 if self.num_frames is None else (self.num_frames - 1) * self.stride + 1
        usable, skipped, reasons = [], [], []
        for span in spans:
            video = self._videos[span.video]
            if video.damage is None and span.end - span.start >= least:
                usable.append(span)
                continue
            whole = (span.start, span.end) == (0, video.num_frames)
            name = video.name if whole else f"{video.name}[{span.start}:{span.end}]"
            if name not in skipped:
                skipped.append(name)
                frames = max(span.end - span.start, 0)
                reasons.append(video.damage or f"{name}: {frames} frames are fewer than {least}")
        warn_of_skipped("videos or intervals", reasons)
        return usable, skipped

    @property
    def _frame_size(self):
        return (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)

    @functools.cached_property
    def _read(self):
        """Function of a `Video` and numbers of frames: the frames as they are given."""
        if self.decode_once:
            return DecodedFrames(self._frame_size, self.channels).read
        return functools.partial(read_frames, size=self._frame_size, channels=self.channels)

    def _make_split(self, spans, skipped, time):
        if self.num_frames is None:
            which, starts = np.arange(len(spans)), [span.start for span in spans]
        else:
            reach = (self.num_frames - 1) * self.stride
            hop = self.hop or self.num_frames * self.stride
            begins = [range(span.start, span.end - reach, hop) for span in spans]
            which = np.repeat(np.arange(len(spans)), [len(begin) for begin in begins])
            starts = list(itertools.chain.from_iterable(begins))
        return _Clips(
            self._videos,
            spans,
            np.asarray(which, np.int64),
            np.asarray(starts, np.int64),
            _Frame(time, self.stride, self._frame_size, self.channels),
            self._read,
            whole=self.num_frames is None,
            phases=self._phases,
            skipped=skipped,
        )


@dataclasses.dataclass(frozen=True)
class _Span:
    """A part of a video from which clips are taken.

    Attributes:
        video: Number of the video.
        start: First frame.
        end: The frame after the last one.
        label: Class, or -1.
        phases: (start, end, phase) of intervals.
    """

    video: int
    start: int
    end: int
    label: int
    phases: tuple = ()


@dataclasses.dataclass(frozen=True)
class _Frame:
    """The form of an example: frames, frames from one to the next, (height, width), channels."""

    time: int
    stride: int
    size: tuple
    channels: int


def _clip_spans(number, count, intervals, names):
    for one in intervals:
        end = count if one.end is None else min(count, one.end)
        yield _Span(number, one.start, end, names.index(one.label))


class _Clips(DecodedSplit):
    """Clips, or whole videos, that are decoded when they are read.

    Args:
        videos: List of `Video`.
        spans: List of `_Span`.
        which: int64 `(examples,)`: the span of each example.
        starts: int64 `(examples,)`: its first frame.
        form: The `_Frame` of an example.
        read: `read(video, numbers)` gives frames of that form.
        whole: Whether examples are whole spans that may differ in length.
        phases: Whether they have a phase for each frame.
        skipped: Names of what was left out.
    """

    def __init__(
        self, videos: list[Video], spans, which, starts, form, read, *, whole, phases, skipped
    ):
        self._videos, self._spans, self._which, self._starts = videos, spans, which, starts
        self._form, self._read, self._whole = form, read, whole
        shape = (form.time, *form.size, form.channels)
        features = {"video": tf.TensorSpec(shape, tf.uint8, "video")}
        if spans[0].label >= 0:
            features["label"] = tf.TensorSpec((), tf.int32, "label")
        features["clip"] = tf.TensorSpec((), tf.int32, "clip")
        if whole:
            features["num_frames"] = tf.TensorSpec((), tf.int32, "num_frames")
        if phases:
            features["phase"] = tf.TensorSpec((form.time,), tf.int32, "phase")
        super().__init__(len(which), features, ("video",), skipped=skipped, kind="video")

    def decode(self, index, names):
        span, form = self._spans[self._which[index]], self._form
        frames = self._frames(index)
        pixels = self._read(self._videos[span.video], frames)
        if len(frames) == form.time:
            return {"video": pixels}
        padded = np.zeros((form.time, *pixels.shape[1:]), np.uint8)
        padded[: len(frames)] = pixels
        return {"video": padded}

    def source(self, index):
        return self._videos[self._spans[self._which[index]].video].name

    def fingerprint(self, names):
        files = [
            (os.path.join(video.name, os.path.basename(path)), path)
            for video in self._videos
            for path in video.frames or (video.path,)
        ]
        spans = [dataclasses.astuple(span) for span in self._spans]
        examples = self._which.tolist(), self._starts.tolist(), self._whole
        return files_fingerprint(files, sorted(names), self._form, spans, examples)

    def _frames(self, index):
        """Numbers of the frames of an example."""
        start, form = int(self._starts[index]), self._form
        end = start + form.time * form.stride
        if self._whole:
            end = self._spans[self._which[index]].end
        return range(start, end, form.stride)

    @functools.cached_property
    def columns(self):
        of_spans = {"clip": [s.video for s in self._spans], "label": [s.label for s in self._spans]}
        columns = {name: np.array(values)[self._which] for name, values in of_spans.items()}
        if self._whole:  # An example is a span.
            frames = [np.array(self._frames(index)) for index in range(self.size)]
            columns["num_frames"] = np.array([len(numbers) for numbers in frames])
            columns["phase"] = np.zeros((self.size, self._form.time))
            for row, span, numbers in zip(columns["phase"], self._spans, frames, strict=True):
                for start, end, phase in span.phases:
                    row[: len(numbers)][(numbers >= start) & (numbers < end)] = phase
        with tf.init_scope(), tf.device("CPU:0"):
            return {
                name: tf.constant(column, tf.int32)
                for name, column in columns.items()
                if name in self.features
            }
