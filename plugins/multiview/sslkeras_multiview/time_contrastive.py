"""Time-contrastive networks (TCN).

P. Sermanet, C. Lynch, Y. Chebotar, J. Hsu, E. Jang, S. Schaal, S. Levine, "Time-Contrastive
Networks: Self-Supervised Learning from Video", ICRA 2018, https://arxiv.org/abs/1704.06888.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real
from sslkeras.layers import apply_to_views
from sslkeras_multiview.embedder import build_embedder
from sslkeras_multiview.frame_changes import changed_frames
from sslkeras_multiview.frame_choice import (
    aligned_pairs,
    run_of_frames,
    take_frames,
    triplets_in_time,
)
from sslkeras_multiview.nearest_in_time import NearestInTime
from sslkeras_multiview.time_contrast import TimeContrast

MULTIVIEW, SINGLEVIEW = "multiview", "singleview"
NPAIRS, SEMIHARD, TRIPLET = "npairs", "triplet_semihard", "triplet"
_ROLES = {NPAIRS: 2, SEMIHARD: 2, TRIPLET: 3}


class TimeContrastive(Task):
    """Pulls frames of one moment together that different cameras saw, pushes others apart.

    Withheld is which frames were seen at the same time. Frames of one camera look alike
    whatever happens, frames of two cameras differ even at the same moment: to tell, the
    embedding must keep what changes in time (pose, contact, state) and drop viewpoint, light
    and background. With one camera frames near in time take the place of the other view.

    The trivial answer is to tell cameras, or videos, apart. Against it the positive is never
    of the anchor's view, and negatives are frames of the same sequence.

    The objective, with squared distances D and inner products S of embeddings:

    - "npairs": `-log softmax(S_i)[i]` over the positives of the batch, plus
      0.25 `npairs_regularization` (mean |a|^2 + mean |p|^2).
    - "triplet_semihard": mean of max(0, `margin` + D_ap - D_an) over all pairs, n the nearest
      negative that is farther than p, or the farthest of all.
    - "triplet": the same with one sampled negative for each anchor, of the anchor's view.

    Each example is a sequence, of which F frames are shown. Their embeddings are compared with
    those of all sequences of the global batch.

    Args:
        mode: "multiview" reads `views`, two or more synchronised videos of a sequence;
            "singleview" reads `video`.
        objective: "npairs" (multiview only), "triplet_semihard" or "triplet".
        margin: Of the triplet losses, > 0.
        embedding_dim: Width of the embedding; 32 in the release.
        l2_normalize: Whether embeddings have length 1; None for True with triplets and False
            with n-pairs, whose inner products need room.
        window: Frames in a row that the moments of a sequence are drawn from; 580 are 20
            seconds.
        pairs_per_sequence: Moments that are drawn from a sequence. F is twice as many (two
            views; with one view frames in a row), or three times for "triplet".
        pos_radius, neg_radius: With one view, frames up to `pos_radius` apart belong together
            and those more than `neg_radius` apart do not.
        npairs_regularization: >= 0.
        gather_negatives: Whether several replicas compare with each other's frames; without,
            more replicas mean fewer negatives.
        image_size: Side of the frames that the network sees, in pixels.
        crop_min_area: Least share of the area that a cut leaves; 1 for no cuts.
        canvas_max_scale: Greatest side of the black canvas that a frame is set into, in sides of
            the frame; 1 for none.
        brightness: Greatest change of brightness.
        saturation: Greatest change of saturation.
        conv_filters: Channels of the convolutions after a trunk that gives a map.
        softmax_temperature: Of the spatial softmax after them, at the beginning; it learns.
        dense_units: Width of each hidden dense layer.
        normalization: Of these layers: "batch" (the release), "group" or "none". All frames of a
            batch may come from one video, whose statistics do not hold for others: with
            "batch" show several sequences a step.
        dropout: Share that is dropped before the convolutions and after dense layers.
        train_trunk: Whether the trunk learns. False for a pretrained one, as in the release.
        joint_regression: Whether a decoder learns to tell the robot's joint angles from its
            own videos, from the feature `joints` where `joints_known` is 1 (self-regression).
        decoder_units: Width of the decoder's hidden layer.
        contrast_weight: Factor of the contrast beside the joints' squared error, >= 0.

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another one.
        DataError: If sequences have one view only, are too short, or differ in length.
    """

    reads = {"views": (2, 2, 1, 1, 1)}
    hyperparameters = {
        "mode": Choice(MULTIVIEW, SINGLEVIEW),
        "objective": Choice(NPAIRS, SEMIHARD, TRIPLET),
        "margin": Real(0, closed="neither"),
        "embedding_dim": Integer(1),
        "l2_normalize": Optional(Boolean(), "True with triplets"),
        "window": Integer(2, unit="frames"),
        "pairs_per_sequence": Integer(2),
        "pos_radius": Integer(1, unit="frames"),
        "neg_radius": Integer(2, unit="frames"),
        "npairs_regularization": Real(0),
        "gather_negatives": Boolean(),
        "image_size": Integer(8, unit="pixels"),
        "crop_min_area": Real(0, 1, closed="right"),
        "canvas_max_scale": Real(1),
        "brightness": Real(0, 1),
        "saturation": Real(0, 1),
        "conv_filters": ListOf(Integer(1)),
        "softmax_temperature": Real(0, closed="neither"),
        "dense_units": ListOf(Integer(1)),
        "normalization": Choice("batch", "group", "none"),
        "dropout": Real(0, 1, closed="left"),
        "train_trunk": Boolean(),
        "joint_regression": Boolean(),
        "decoder_units": Integer(1),
        "contrast_weight": Real(0),
    }
    probes = ("alignment_error",)

    def __init__(
        self,
        *,
        mode=MULTIVIEW,
        objective=NPAIRS,
        margin=0.2,
        embedding_dim=32,
        l2_normalize=None,
        window=580,
        pairs_per_sequence=16,
        pos_radius=6,
        neg_radius=12,
        npairs_regularization=0.002,
        gather_negatives=True,
        image_size=299,
        crop_min_area=0.8,
        canvas_max_scale=3.0,
        brightness=32 / 255,
        saturation=0.5,
        conv_filters=(512, 512),
        softmax_temperature=1.0,
        dense_units=(2048,),
        normalization="batch",
        dropout=0.2,
        train_trunk=True,
        joint_regression=False,
        decoder_units=64,
        contrast_weight=1.0,
    ):
        super().__init__(
            mode=mode,
            objective=objective,
            margin=margin,
            embedding_dim=embedding_dim,
            l2_normalize=l2_normalize,
            window=window,
            pairs_per_sequence=pairs_per_sequence,
            pos_radius=pos_radius,
            neg_radius=neg_radius,
            npairs_regularization=npairs_regularization,
            gather_negatives=gather_negatives,
            image_size=image_size,
            crop_min_area=crop_min_area,
            canvas_max_scale=canvas_max_scale,
            brightness=brightness,
            saturation=saturation,
            conv_filters=conv_filters,
            softmax_temperature=softmax_temperature,
            dense_units=dense_units,
            normalization=normalization,
            dropout=dropout,
            train_trunk=train_trunk,
            joint_regression=joint_regression,
            decoder_units=decoder_units,
            contrast_weight=contrast_weight,
        )
        self._multiview = self.mode == MULTIVIEW
        self._check_together()
        pairs, roles = self.pairs_per_sequence, _ROLES[self.objective]
        self._num_frames = pairs * roles
        if self._multiview:
            self.reads = {"views": (2, pairs, 1, 1, 1)}
            if self.joint_regression:
                self.reads |= {"joints": (pairs, 1), "joints_known": ()}
        else:
            least = self.neg_radius + 2
            self.reads = {"video": (max(least, self._num_frames if roles == 2 else 0), 1, 1, 1)}
            self.probes = ("linear", "knn")

    def _check_together(self):
        if not self._multiview and (self.objective == NPAIRS or self.joint_regression):
            raise ConfigurationError(
                f"`mode` of TimeContrastive must be '{MULTIVIEW}' for objective='{NPAIRS}' and for "
                f"joint_regression. Received: mode='{self.mode}', objective='{self.objective}', "
                f"joint_regression={self.joint_regression}. Use '{SEMIHARD}', or two views."
            )
        if self.pos_radius >= self.neg_radius:
            raise ConfigurationError(
                "`pos_radius` of TimeContrastive must be less than `neg_radius`. Received: "
                f"pos_radius={self.pos_radius}, neg_radius={self.neg_radius}. Change one of them."
            )
        if self.window < self.pairs_per_sequence:
            raise ConfigurationError(
                "`window` of TimeContrastive must hold `pairs_per_sequence` different moments. "
                f"Received: window={self.window}, pairs_per_sequence={self.pairs_per_sequence}. "
                "Change one of them."
            )
        if self.normalization == "group" and any(filters % 8 for filters in self.conv_filters):
            raise ConfigurationError(
                "`conv_filters` of TimeContrastive must be multiples of 8 with normalization="
                f"'group'. Received: conv_filters={self.conv_filters}. Change one of them."
            )

    def check(self, split):
        super().check(split)
        name = next(iter(self.reads))
        shape = split.features[name].shape
        if not shape.is_fully_defined():
            raise DataError(
                f"TimeContrastive needs '{name}' of one known size, time included. Received: "
                f"{shape}. Cut the videos to one length."
            )
        if shape[-1] not in (1, 3):
            raise DataError(
                f"TimeContrastive takes gray or colour frames. Received: '{name}' {shape}. "
                "Convert them to 1 or 3 channels."
            )

    def pretext(self, batch, seed):
        """Draws F frames of each sequence, each changed at random by itself.

        Returns:
            "frames", float32 `(batch, F, image_size, image_size, channels)` in [0, 1], and
            "time", int32 `(batch, F)`; then int32 `(batch,)` zeros, or with joint_regression
            "joints", float32 `(batch, F, angles)`, and "known", float32 `(batch,)`.
        """
        choose, change = tf.unstack(tf.random.split(seed))
        frames, time = (self._from_views if self._multiview else self._from_video)(batch, choose)
        frames = changed_frames(
            frames,
            change,
            size=self.image_size,
            min_area=self.crop_min_area,
            max_scale=self.canvas_max_scale,
            brightness=self.brightness,
            saturation=self.saturation,
        )
        inputs = {"frames": frames, "time": time}
        if not self.joint_regression:
            return inputs, tf.zeros(tf.shape(time)[:1], tf.int32)
        joints = tf.gather(tf.cast(batch["joints"], tf.float32), time, batch_dims=1)
        return inputs, {"joints": joints, "known": tf.cast(batch["joints_known"], tf.float32)}

    def _from_views(self, batch, seed):
        views = batch["views"]
        time, view, other = aligned_pairs(
            seed,
            tf.shape(views)[0],
            views.shape[1],
            views.shape[2],
            self.pairs_per_sequence,
            self.window,
        )
        which, when = [view, other], [time, time]
        if self.objective == TRIPLET:
            # The moment of the next triplet, by the anchor's camera.
            which, when = [*which, view], [*when, tf.roll(time, -1, axis=1)]
        time = tf.concat(when, axis=1)
        return take_frames(views, tf.concat(which, axis=1), time), time

    def _from_video(self, batch, seed):
        video = batch["video"]
        count, num_frames = tf.shape(video)[0], video.shape[1]
        if self.objective == TRIPLET:
            parts = triplets_in_time(
                seed,
                count,
                num_frames,
                self.pairs_per_sequence,
                self.pos_radius,
                self.neg_radius,
            )
            time = tf.concat(parts, axis=1)
        else:
            time = run_of_frames(seed, count, num_frames, self._num_frames)
        return take_frames(video[:, tf.newaxis], tf.zeros_like(time), time), time

    def build_model(self, inputs, encoder, data):
        """Builds frames -> "encoder" each -> "embeddings", and "joints" by the layer "decoder".

        The layer "trunk" of the encoder is what the factory gave.
        """
        frames = keras.Input(tuple(inputs["frames"].shape[1:]), name="frames")
        time = keras.Input(tuple(inputs["time"].shape[1:]), dtype=tf.int32, name="time")
        shape = tuple(frames.shape[2:])
        normalize = self.objective != NPAIRS if self.l2_normalize is None else self.l2_normalize
        embedder = build_embedder(
            encoder(shape, name="trunk"),
            shape,
            conv_filters=self.conv_filters,
            temperature=self.softmax_temperature,
            dense_units=self.dense_units,
            embedding_dim=self.embedding_dim,
            normalization=self.normalization,
            dropout=self.dropout,
            l2_normalize=normalize,
            train_trunk=self.train_trunk,
        )
        outputs = {"embeddings": apply_to_views(embedder, frames), "time": time}
        if self.joint_regression:
            angles = data.train.features["joints"].shape[-1]
            decoder = keras.Sequential(
                [
                    keras.Input((self.embedding_dim,)),
                    keras.layers.Dense(self.decoder_units, activation="relu"),
                    keras.layers.Dense(angles, dtype="float32"),
                ],
                name="decoder",
            )
            outputs["joints"] = apply_to_views(decoder, outputs["embeddings"])
        model = TimeContrast({"frames": frames, "time": time}, outputs, name="time_contrastive")
        near, far = self._radii
        model.set_step(
            objective=self.objective,
            margin=self.margin,
            regularization=self.npairs_regularization,
            near=near,
            far=far,
            gather_negatives=self.gather_negatives,
            contrast_weight=self.contrast_weight if self.joint_regression else 1.0,
            train_trunk=self.train_trunk,
        )
        return model

    @property
    def _radii(self):
        """Frames up to the first number apart belong together, beyond the second they do not."""
        return (0, 0) if self._multiview else (self.pos_radius, self.neg_radius)

    def loss(self):
        """None: the model compares embeddings in its step."""
        return None

    def metrics(self):
        return [NearestInTime(*self._radii)]

    def draw(self, inputs, targets, predictions):
        """A frame, one that belongs to it, and the frame of others that is nearest to it."""
        frames, time, embeddings = inputs["frames"], inputs["time"], predictions["embeddings"]
        half = frames.shape[1] // _ROLES[self.objective] if self._multiview else 1
        first = embeddings[:, 0]
        # Of the frames that took part as positives, or of all others.
        others = slice(half, 2 * half) if self._multiview else slice(1, None)
        distance = tf.norm(embeddings[:, others] - first[:, tf.newaxis], axis=-1)
        nearest = tf.argmin(distance, axis=1)
        found = tf.gather(frames[:, others], nearest, batch_dims=1)
        when = tf.gather(time[:, others], nearest, batch_dims=1)
        return {
            "frame": frames[:, 0],
            "of the same moment" if self._multiview else "next frame": frames[:, half],
            "nearest": found,
            "answer": [f"{abs(int(a - b))} frames off" for a, b in zip(when, time[:, 0])],
        }
