"""Dense optical flow of any dataset of clips, remembered on disk."""

import functools
import hashlib
import os
import pathlib

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.disk_cache import cache_folder, load_arrays, save_arrays
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Boolean, Choice, Optional, Text

_FORMAT = 1
# Flow is stored to a 64th of a pixel: finer than any method is, and symmetric around 0.
_STEPS_PER_PIXEL = 64


class OpticalFlow(Dataset):
    """Clips of another dataset, with the motion of each pixel from frame to frame.

        optical_flow("moving_digits(size=32)")

    Offers what the dataset offers, and in the place of its own features of these names (T frames
    of H x W pixels; displacements (dx, dy) in pixels):

    - `flow`: float32 `(T - 1, H, W, 2)`, from frame t to frame t + 1.
    - `flow_backward`: the same of the clip played backwards: its field k leads from frame
      T - 1 - k to frame T - 2 - k.
    - `motion`: float32 `(T,)`, the mean length of the displacements at each frame: from it to the
      next frame; at the last one from the frame before.

    It is computed when a clip is first read, and remembered under a hash of the pixels and of the
    method, to a 64th of a pixel. Of whole videos the padding is left out, and has no motion.
    Needs `pip install sslkeras[video]`; "tvl1" also scikit-image.

    Args:
        dataset: The dataset in the `name(key=value)` notation; it offers `video`, uint8, and can
            be read by index (not `tfrecord` or `tfds`).
        method: "dis" (dense inverse search, T. Kroeger et al., ECCV 2016: fast), "farneback"
            (G. Farneback, SCIA 2003) or "tvl1" (C. Zach et al., DAGM 2007, as used by most papers
            on action recognition: about a hundred times slower).
        exact: Whether a `flow` that the dataset offers itself is kept.
        cache: Folder for computed flow; None for the user's cache folder. It is not bounded.

    Raises:
        DataError: If a package is missing, or the dataset has no such clips, or frames that are
            too small for the method.
    """

    features = {
        "video": "uint8 video, and all else that the dataset offers",
        "flow": "float32 (dx, dy) num_frames-1 x size x size x 2",
        "flow_backward": "float32 (dx, dy) num_frames-1 x size x size x 2, of the reversed clip",
        "motion": "float32 mean length of the flow num_frames",
    }
    hyperparameters = {
        "dataset": Text("a dataset in the name(key=value) notation"),
        "method": Choice("dis", "farneback", "tvl1"),
        "exact": Boolean(),
        "cache": Optional(Text("the path of a folder"), "the user's cache folder"),
    }

    def __init__(self, dataset, *, method="dis", exact=False, cache=None):
        super().__init__(
            dataset=dataset,
            method=method,
            exact=exact,
            cache=None if cache is None else os.fspath(cache),
        )
        from sslkeras import registry

        _load(method)
        self._dataset = registry.datasets.create(dataset)
        self.label_names, self.has_test = self._dataset.label_names, self._dataset.has_test

    @functools.cached_property
    def train(self):
        return self._with_flow(self._dataset.train)

    @functools.cached_property
    def test(self):
        return self._with_flow(self._dataset.test)

    def _with_flow(self, split):
        folder = cache_folder("flow") if self.cache is None else pathlib.Path(self.cache)
        return _WithFlow(split, self.method, folder.expanduser(), exact=self.exact)


def _load(method):
    """The package that computes `method`."""
    try:
        if method == "tvl1":
            from skimage import registration

            return registration
        import cv2

        return cv2
    except ImportError as error:
        package = "scikit-image" if method == "tvl1" else "'sslkeras[video]'"
        raise DataError(
            f"Optical flow by {method!r} is computed by a package that must be installed. "
            f"Received: {error}. Install it with: pip install {package}."
        ) from error


def compute_flow(video, method) -> np.ndarray:
    """Displacements from each frame to the next.

    Args:
        video: uint8 `(time, height, width, channels)`; of colours the luminance counts.
        method: "dis", "farneback" or "tvl1".

    Returns:
        float32 `(time - 1, height, width, 2)` in pixels, (dx, dy).
    """
    package = _load(method)
    frames = video[..., 0] if video.shape[-1] == 1 else np.stack([_luminance(v) for v in video])
    flow = np.empty((len(frames) - 1, *frames.shape[1:], 2), np.float32)
    for number, (one, other) in enumerate(zip(frames[:-1], frames[1:])):
        flow[number] = _flow_between(package, method, one, other)
    return flow


def _luminance(frame):
    return np.round(frame.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])).astype(np.uint8)


def _flow_between(package, method, one, other):
    if method == "tvl1":
        # It asks where each pixel of its first image came from, as (rows, columns).
        scaled = [frame.astype(np.float32) / 255 for frame in (one, other)]
        return np.moveaxis(package.optical_flow_tvl1(*scaled), 0, -1)[..., ::-1]
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    if method == "farneback":
        # Levels halve the size; window 9, 5 iterations, 5 x 5 neighbours smoothed by 1.1.
        return package.calcOpticalFlowFarneback(one, other, None, 0.5, 3, 9, 5, 5, 1.1, 0)
    search = package.DISOpticalFlow_create(package.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(one, other, None)


class _WithFlow(IndexedSplit):
    """The clips of a split, with flow computed when they are read.

    Args:
        split: The `IndexedSplit`.
        method: How flow is computed.
        folder: Where it is remembered.
        exact: Whether the flow that the split offers itself is kept.
    """

    def __init__(self, split, method, folder, *, exact):
        spec = split.features.get("video")
        if not isinstance(split, IndexedSplit) or spec is None or spec.dtype != tf.uint8:
            raise DataError(
                "Optical flow needs a dataset that offers 'video' in uint8 and is read by index. "
                f"Received: {type(split).__name__} with {', '.join(sorted(split.features))}. "
                "Choose another dataset, such as 'video_folder'."
            )
        time, height, width, _ = spec.shape
        least = 12 if method == "dis" else 2
        if time < 2 or min(height, width) < least:
            raise DataError(
                f"Optical flow by {method!r} needs clips of 2 frames or more, of {least} x {least} "
                f"pixels or more. Received: {time} frames of {height} x {width}. Choose larger "
                "clips or another `method`."
            )
        self._split, self._method, self._folder = split, method, folder
        self.size = split.size
        flow = tf.TensorSpec((time - 1, height, width, 2), tf.float32)
        self._own = {
            "flow": flow,
            "flow_backward": flow,
            "motion": tf.TensorSpec((time,), tf.float32),
        }
        if exact and "flow" in split.features:
            del self._own["flow"]
        self.features = {**split.features, **self._own}

    @property
    def skipped(self):
        return self._split.skipped

    def read(self, indices, count, *, only=None):
        batches = self._split.read(indices, count, only=self._needed(only))
        return self._finish(batches, count, only)

    def read_in_order(self, batch_size, *, start=0, only=None):
        needed = self._needed(only)
        batches = self._split.read_in_order(batch_size, start=start, only=needed)
        return self._finish(batches, None, only, batch_size)

    def _wanted(self, only):
        return [name for name in self.features if only is None or name in only]

    def _needed(self, only):
        """Features to read of the split."""
        wanted = set(self._wanted(only))
        needed = wanted - set(self._own)
        if wanted & set(self._own):
            needed |= {"video", "num_frames"} & set(self._split.features)
        return tuple(sorted(needed))

    def _finish(self, batches, count, only, batch_size=None):
        wanted = self._wanted(only)
        own = [name for name in wanted if name in self._own]
        if not own:
            return batches

        def add(clip):
            frames = clip.get("num_frames", tf.shape(clip["video"])[0])
            arrays = tf.numpy_function(
                functools.partial(self._compute, own),
                [clip["video"], frames],
                [tf.float32] * len(own),
            )
            for name, array in zip(own, arrays, strict=True):
                clip[name] = tf.ensure_shape(array, self._own[name].shape)
            return {name: clip[name] for name in wanted}

        # One by one, as clips of one batch are computed side by side.
        clips = batches.unbatch().map(add, num_parallel_calls=tf.data.AUTOTUNE)
        return clips.batch(count or batch_size, drop_remainder=count is not None)

    def _compute(self, names, video, num_frames):
        """The features `names` of one clip; called from the pipeline, by several threads."""
        made, shown = {}, video[:num_frames]
        if {"flow", "motion"} & set(names):
            made["flow"] = self._remembered(shown)
        if "flow_backward" in names:
            made["flow_backward"] = self._remembered(shown[::-1])
        if "motion" in names:
            motion = np.linalg.norm(made["flow"], axis=-1).mean((1, 2))
            made["motion"] = np.append(motion, motion[-1:])
        arrays = []
        for name in names:
            array = np.zeros(self._own[name].shape, np.float32)
            array[: len(made[name])] = made[name]
            arrays.append(array)
        return arrays

    def _remembered(self, video):
        """float32 flow of a clip, from the cache if it was computed before."""
        video = np.ascontiguousarray(video)
        what = f"{_FORMAT} {self._method} {video.shape}".encode()
        digest = hashlib.blake2b(video, key=what, digest_size=20).hexdigest()
        path = self._folder / digest[:2] / f"{digest[2:]}.npz"
        arrays = load_arrays(path)
        if arrays is None:
            flow = compute_flow(video, self._method)
            limit = np.iinfo(np.int16).max
            steps = np.round(flow * _STEPS_PER_PIXEL).clip(-limit, limit)
            arrays = {"flow": steps.astype(np.int16)}
            save_arrays(path, arrays)
        return arrays["flow"].astype(np.float32) / _STEPS_PER_PIXEL
