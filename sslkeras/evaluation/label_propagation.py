"""Label propagation: labels of the first frame, carried through a clip by likeness alone.

C. Vondrick, A. Shrivastava, A. Fathi, S. Guadarrama, K. Murphy, "Tracking Emerges by
Colorizing Videos", ECCV 2018 (the protocol). X. Wang, A. Jabri, A. A. Efros, "Learning
Correspondence from the Cycle-Consistency of Time", CVPR 2019 (normalize="frame").
"""

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import as_float
from sslkeras.errors import DataError
from sslkeras.evaluation.feature_maps import FeatureMaps, raw_batches
from sslkeras.evaluation.keypoint_scores import (
    THRESHOLDS,
    correct_keypoints,
    mean_over_joints,
)
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.segmentation_scores import clip_scores
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real, Text

# Similarities held at a time: 2^24 floats are 64 MB.
_CHUNK = 2**24
_SIGMA = 0.5  # Of a joint's channel, in cells.
_TOP_CELLS = 5  # Cells whose mean is the place of a joint.
_DRAWN = 4  # Clips in a picture.


class LabelPropagation(Probe):
    """Tracks masks or joints through test clips with the encoder's maps, without training.

    The labels of frame 0 are given. Each place `q` of a later frame copies the soft labels
    of the most similar places `i` of its context, which is frame 0 and the `context`
    frames before:

        label of q = sum over i of softmax over the kept i of (<q, f_i> / temperature) * label of i

    Baseline: "identity", the labels of frame 0 in all frames. Masks are judged by J (region)
    and F (boundary), mean over objects of the mean over frames without the first and the
    last; joints by PCK, frame 0 excluded.

    Args:
        target: Feature with the labels. bool or integer `(time, height, width, objects)`:
            masks; where several overlap, the pixel is of the first. Integers `(time, height,
            width)`: masks with 0 for the background. float `(time, joints, 2)`: row and
            column of joints in pixels, NaN for one that is not there.
        video: Feature with the clips.
        context: Frames before, beside frame 0.
        pad: Whether frame 0 stands for frames before the beginning, so that the context
            always has `context` + 1 frames. It matters with normalize="frame".
        top_k: Places that are kept for each query (for each query and frame with
            normalize="frame").
        temperature: Of the softmax; None for the features' width^-0.5.
        radius: Context places of frames other than frame 0 are at most that many rows and
            columns away; None for no bound.
        normalize: "topk": softmax over the kept places of all frames. "frame": softmax over
            all places of each frame, the largest kept as they are, averaged over frames.
        unit_length: Whether features are brought to length 1 (off for tasks whose
            similarity is the plain inner product).
        rescale: Whether each object's soft labels are brought to [0, 1] by the smallest and
            largest of the frame before they are used and compared (not those of frame 0).
        readout: Place of a joint: "mean" of its 5 strongest cells, or the strongest ("max").
        norm: Unit of PCK: "box" or "max_side"; see `keypoint_scores.reference_length`.
        offset: Added to row and column of joints, e.g. half a digit for positions that are
            top left pixels.
        max_clips: Test clips that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ("video", "masks")
    hyperparameters = {
        "target": Text("the name of a feature"),
        "video": Text("the name of a feature"),
        "context": Integer(0, unit="frames"),
        "pad": Boolean(),
        "top_k": Integer(1),
        "temperature": Optional(Real(0, closed="neither"), "width of the features ** -0.5"),
        "radius": Optional(Integer(0, unit="cells"), "no bound"),
        "normalize": Choice("topk", "frame"),
        "unit_length": Boolean(),
        "rescale": Boolean(),
        "readout": Choice("mean", "max"),
        "norm": Choice("box", "max_side"),
        "offset": Real(unit="pixels"),
        "max_clips": Optional(Integer(1), "all"),
    }

    def __init__(
        self,
        *,
        target="masks",
        video="video",
        context=7,
        pad=False,
        top_k=5,
        temperature=0.07,
        radius=None,
        normalize="topk",
        unit_length=True,
        rescale=False,
        readout="mean",
        norm="box",
        offset=0.0,
        max_clips=100,
    ):
        super().__init__(
            target=target,
            video=video,
            context=context,
            pad=pad,
            top_k=top_k,
            temperature=temperature,
            radius=radius,
            normalize=normalize,
            unit_length=unit_length,
            rescale=rescale,
            readout=readout,
            norm=norm,
            offset=offset,
            max_clips=max_clips,
        )
        self.reads = (video, target)

    def run(self, subject, seed):
        """Propagates through the test clips; nothing is random.

        Returns:
            For masks "J&F", "J", "J recall", "J decay", the same for F, and "identity J&F",
            "identity J", "identity F". For joints "PCK@0.1" to "PCK@0.5" and
            "identity PCK@...".
        """
        split = subject.split("test")
        self._check(split)
        joints = split.features[self.target].shape.rank == 3 and (
            split.features[self.target].dtype.is_floating
        )
        maps_of = FeatureMaps(subject.encoder)
        if self.max_clips is not None and split.size and split.size > self.max_clips:
            subject.note(
                f"'label_propagation' judges the first {self.max_clips} of {split.size} test clips "
                "(max_clips)."
            )
        found, identity, shown = [], [], []
        for batch in raw_batches(split, (self.video, self.target), 8, self.max_clips):
            labels = batch[self.target].numpy()
            video = as_float({self.video: batch[self.video]})[self.video]
            size = video.shape[2:4]
            self._check_clip(tuple(video.shape[1:]), labels.shape[1:], joints)
            for row, (maps, truth) in enumerate(zip(maps_of(video), labels, strict=True)):
                judge = self._judge_joints if joints else self._judge_masks
                ours, trivial, true, carried = judge(maps, truth, tuple(size))
                found.append(ours)
                identity.append(trivial)
                if subject.draws and len(shown) < _DRAWN:
                    text = _clip_text(ours, joints)
                    clip = {"frames": video[row].numpy(), "truth": true, "carried": carried}
                    shown.append({**clip, "text": text})
        self._keep_pictures(subject, shown)
        if joints:
            return self._joint_metrics(found, "") | self._joint_metrics(identity, "identity ")
        metrics = _mask_metrics(found)
        trivial = _mask_metrics(identity)
        return metrics | {f"identity {name}": trivial[name] for name in ("J&F", "J", "F")}

    def _keep_pictures(self, subject, clips):
        title = f"Labels carried through clips ({subject.name})"

        def draw(moving):
            from sslkeras.pictures.tracks import draw_tracks

            return draw_tracks(clips, title, moving)

        subject.picture(
            "clips",
            lambda: draw(True),
            "True labels, and those of frame 0 carried through the clip by likeness alone.",
        )
        subject.picture("frames", lambda: draw(False), "The same, frame by frame.")

    def _propagate(self, maps, first):
        return propagate(
            maps,
            first,
            context=self.context,
            pad=self.pad,
            top_k=self.top_k,
            temperature=self.temperature,
            radius=self.radius,
            normalize=self.normalize,
            unit_length=self.unit_length,
            rescale=self.rescale,
        )

    def _judge_masks(self, maps, truth, size):
        truth = _exclusive(truth)
        objects = int(truth[0].max())
        rows, columns = maps.shape[1:3]
        one_hot = np.eye(objects + 1, dtype=np.float32)[truth[0].clip(0, objects)]
        first = tf.image.resize(one_hot, (rows, columns), method="area").numpy()
        soft = self._propagate(maps, first)
        prediction = tf.argmax(tf.image.resize(soft, size), axis=-1).numpy()
        prediction[0] = truth[0]
        still = np.broadcast_to(truth[0], truth.shape)
        return clip_scores(truth, prediction), clip_scores(truth, still), truth, prediction

    def _judge_joints(self, maps, truth, size):
        truth = truth.astype(np.float64) + self.offset
        rows, columns = maps.shape[1:3]
        scale = np.array([rows / size[0], columns / size[1]])
        # Centres of pixels and cells: pixel p lies at cell (p + 0.5) * scale - 0.5.
        present = ~np.isnan(truth[0]).any(axis=-1)
        cells = (np.where(present[:, np.newaxis], truth[0], 0.0) + 0.5) * scale - 0.5
        soft = self._propagate(maps, joint_channels(cells, rows, columns))
        places = (joint_places(soft, self.readout) + 0.5) / scale - 0.5
        places[0] = truth[0]
        places[:, ~present] = np.nan
        truth = np.where(present[:, np.newaxis], truth, np.nan)
        still = np.broadcast_to(truth[0], truth.shape)
        ours, trivial = (
            correct_keypoints(truth[1:], p[1:], norm=self.norm) for p in (places, still)
        )
        return ours, trivial, truth, places

    def _joint_metrics(self, clips, prefix):
        correct = np.concatenate(clips, axis=1)
        if np.isnan(correct).all():
            raise DataError(
                "PCK needs frames with two or more joints in different places. Received: none. "
                "Choose clips with more joints (num_digits=2 or more of moving digits)."
            )
        shares = mean_over_joints(correct)
        return {f"{prefix}PCK@{t}": float(share) for t, share in zip(THRESHOLDS, shares)}

    def _check(self, split):
        shape = split.features[self.target].shape
        video = split.features[self.video].shape
        joints = shape.rank == 3 and split.features[self.target].dtype.is_floating
        if video.rank != 4 or shape.rank not in (3, 4) or joints and shape[-1] != 2:
            raise DataError(
                f"'{self.target}' must hold masks (time, height, width[, objects]) or joints "
                f"(time, joints, 2), and '{self.video}' clips (time, height, width, channels). "
                f"Received: {shape} and {video}. Name other features with `target` and `video`."
            )
        if shape[:3].is_fully_defined() and video[:3].is_fully_defined():
            self._check_clip(tuple(video), tuple(shape), joints)

    def _check_clip(self, video, labels, joints):
        """Checks the shapes of one clip and its labels."""
        least = 2 if joints else 3  # The last frame is not judged by J and F.
        if labels[0] < least or labels[0] != video[0]:
            raise DataError(
                f"Clips must have {least} or more frames and labels in each of them. Received: "
                f"{video[0]} frames and {labels[0]} with labels. Choose longer clips."
            )
        if not joints and labels[1:3] != video[1:3]:
            raise DataError(
                f"Masks must have the size of the frames, {video[1]} x {video[2]}. Received: "
                f"{labels[1]} x {labels[2]}. Resize '{self.target}', or name another `target`."
            )


def _clip_text(scores, joints):
    """The score of one clip in words."""
    if joints:
        if np.isnan(scores[0]).all():
            return ""
        return f"PCK@{THRESHOLDS[0]} {np.nanmean(scores[0]):.2f}"
    return f"J {np.mean([one['J'] for one in scores]):.2f}" if scores else ""


def _mask_metrics(clips):
    objects = [scores for clip in clips for scores in clip]
    if not objects:
        raise DataError(
            "Masks to propagate must show an object in the first frame. Received: no object in "
            f"any of {len(clips)} clips. Choose other clips or another `target`."
        )
    means = {name: float(np.mean([scores[name] for scores in objects])) for name in objects[0]}
    return {"J&F": (means["J"] + means["F"]) / 2, **means}


def _exclusive(labels):
    """int `(time, height, width)`: 0 for the background, else the first object there, from 1."""
    if labels.ndim == 3:
        return labels.astype(np.int64)
    masks = labels > 0
    return np.where(masks.any(axis=-1), masks.argmax(axis=-1) + 1, 0)


def joint_channels(cells, rows, columns):
    """A Gaussian of deviation 0.5 cells around each joint, scaled to sum 1.

    Args:
        cells: float `(joints, 2)`, row and column in cells.
        rows: Rows of the map.
        columns: Columns of the map.

    Returns:
        float32 `(rows, columns, joints)`.
    """
    down = (np.arange(rows)[:, np.newaxis] - cells[:, 0]) ** 2
    across = (np.arange(columns)[:, np.newaxis] - cells[:, 1]) ** 2
    exponent = -(down[:, np.newaxis] + across) / (2 * _SIGMA**2)
    # Far outside the map all would round to 0.
    weights = np.exp(exponent - exponent.max(axis=(0, 1)))
    return (weights / weights.sum(axis=(0, 1))).astype(np.float32)


def joint_places(soft, readout="mean"):
    """Row and column of each joint.

    Args:
        soft: float `(time, rows, columns, joints)`, not negative.
        readout: "mean" of the 5 strongest cells, by their strength; "max": the strongest.

    Returns:
        float64 `(time, joints, 2)` in cells.
    """
    time, rows, columns, joints = soft.shape
    flat = soft.reshape(time, rows * columns, joints).transpose(0, 2, 1)
    count = min(1 if readout == "max" else _TOP_CELLS, rows * columns)
    order = np.argsort(-flat, axis=-1, kind="stable")[..., :count]
    weights = np.take_along_axis(flat, order, axis=-1).astype(np.float64)
    weights = np.where(weights.sum(axis=-1, keepdims=True) > 0, weights, 1.0)
    weights /= weights.sum(axis=-1, keepdims=True)
    cells = np.stack([order // columns, order % columns], axis=-1)
    return (weights[..., np.newaxis] * cells).sum(axis=-2)


def propagate(
    maps,
    first,
    *,
    context=7,
    pad=False,
    top_k=5,
    temperature=0.07,
    radius=None,
    normalize="topk",
    unit_length=True,
    rescale=False,
):
    """Soft labels of all frames of a clip. See `LabelPropagation` for the arguments.

    Args:
        maps: float32 `(time, rows, columns, features)`.
        first: float32 `(rows, columns, labels)`, those of frame 0.

    Returns:
        float32 `(time, rows, columns, labels)`; frame 0 is `first`.
    """
    time, rows, columns, width = maps.shape
    places = rows * columns
    features = tf.reshape(tf.cast(maps, tf.float32), [time, places, width])
    if unit_length:
        features = tf.math.l2_normalize(features, axis=-1)
    temperature = width**-0.5 if temperature is None else temperature
    known = [tf.reshape(tf.cast(first, tf.float32), [places, -1])]
    near = None if radius is None else _near(rows, columns, radius)
    for t in range(1, time):
        before = list(range(max(1, t - context), t))
        # Frame 0 may stand in for frames before the beginning; it is not windowed.
        stand_ins = max(0, context - len(before)) if pad else 0
        frames = [0] * (1 + stand_ins) + before
        labels = copy_labels(
            features[t],
            tf.gather(features, frames),
            tf.gather(tf.stack(known), frames),
            top_k=top_k,
            temperature=temperature,
            normalize=normalize,
            allowed=None if near is None else [None if i == 0 else near for i in frames],
        )
        known.append(_rescaled(labels, rescale))
    return tf.reshape(tf.stack(known), [time, rows, columns, -1]).numpy()


def copy_labels(queries, features, labels, *, top_k, temperature, normalize="topk", allowed=None):
    """Labels of places, copied from similar places of other frames.

    Args:
        queries: float32 `(queries, features)`.
        features: float32 `(frames, places, features)`.
        labels: float32 `(frames, places, labels)`.
        top_k: Places kept for each query, in all ("topk") or in each frame ("frame").
        temperature: Of the softmax.
        normalize: "topk" or "frame"; see `LabelPropagation`.
        allowed: For each frame a bool `(queries, places)` or None for all; None for all.

    Returns:
        float32 `(queries, labels)`.
    """
    frames, places, width = features.shape
    features, labels = tf.convert_to_tensor(features), tf.convert_to_tensor(labels)
    chunk = max(1, _CHUNK // (frames * places))
    result = []
    for start in range(0, len(queries), chunk):
        part = queries[start : start + chunk]
        scores = tf.einsum("qc,fpc->qfp", part, features) / temperature
        if allowed is not None:
            everywhere = tf.ones([len(part), places], tf.bool)
            masks = [everywhere if m is None else m[start : start + chunk] for m in allowed]
            scores = tf.where(tf.stack(masks, axis=1), scores, -np.inf)
        if normalize == "topk":
            kept, index = tf.math.top_k(
                tf.reshape(scores, [-1, frames * places]), min(top_k, frames * places)
            )
            taken = tf.gather(tf.reshape(labels, [frames * places, -1]), index)
            result.append(tf.einsum("qk,qkl->ql", tf.nn.softmax(kept), taken))
        else:
            kept, index = tf.math.top_k(tf.nn.softmax(scores), min(top_k, places))
            index += tf.range(frames)[:, tf.newaxis] * places
            taken = tf.gather(tf.reshape(labels, [frames * places, -1]), index)
            result.append(tf.einsum("qfk,qfkl->ql", kept, taken) / frames)
    return tf.concat(result, axis=0)


def _near(rows, columns, radius):
    """bool `(places, places)`: at most `radius` rows and columns apart."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return (np.abs(row[:, np.newaxis] - row) <= radius) & (
        np.abs(column[:, np.newaxis] - column) <= radius
    )


def _rescaled(labels, rescale):
    if not rescale:
        return labels
    low = tf.reduce_min(labels, axis=0)
    return tf.math.divide_no_nan(labels - low, tf.reduce_max(labels, axis=0) - low)
