"""Sequence sorting: in which order were these frames seen?

H.-Y. Lee, J.-B. Huang, M. Singh, M.-H. Yang, "Unsupervised Representation Learning by
Sorting Sequences", ICCV 2017, https://arxiv.org/abs/1708.01246 (the Order Prediction
Network).
"""

import keras
import tensorflow as tf

from sslkeras import Task, report
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras_verification.clip_sizes import require_known_sizes
from sslkeras_verification.column import dense_block, frame_columns
from sslkeras_verification.frame_orders import order_classes, slot_pairs
from sslkeras_verification.motion import (
    FEATURE,
    area_sums,
    draw_index,
    frame_motion,
    motion_maps,
    motion_source,
    window_sums,
)
from sslkeras_verification.slot_pairs import SlotPairs
from sslkeras_verification.view import crop, take_frames

# Each frame lies in the middle half of its share of the motion, so that two are no neighbours.
_JITTER = (0.25, 0.75)


class SequenceSorting(Task):
    """Tells the order of some frames of a clip that were shuffled.

    Withheld is the order of n frames. Many actions look the same backwards, so an order and
    its reversal are one class of n! / 2; for four frames there are 12 and chance is 1/12.
    `frame_orders.order_classes` lists them.

    To sort frames the network must see how things move. Trivial answers are ruled out:

    - Where nothing moves nothing can be sorted. Frames are taken at equal steps of the
      motion so far, jittered, and a square region is drawn in proportion to the motion in
      it.
    - A tracker of edges would need no idea of what moves: each frame's crop is shifted by
      a few pixels on its own (`spatial_jitter`).
    - Colours drift slowly, and in order: of each frame one colour channel is drawn and takes
      the place of all three (`channel_splitting`).
    - All frames are mirrored or none. The direction of time tells nothing.

    A trunk that gives a map is followed by the paper's fc6; one that gives a vector is taken
    as it is. The features of each pair of places pass one layer, fc7, the same for all
    pairs. The trunk alone transfers.

    Args:
        num_frames: n, 3 to 6. Defaults to 4, as in the paper.
        patch_size: Side of what the network sees, in pixels. Defaults to 80, as in the paper.
        region_margin: Pixels by which the region is larger, >= 0. Defaults to 20, as in the
            paper.
        spatial_jitter: Greatest shift of a single frame in pixels. A shift that would leave
            the region is left out on that axis. Defaults to 5, as in the paper.
        channel_splitting: Whether frames of three channels are reduced to one of them.
        mirror: Whether half of the tuples are mirrored.
        motion_source: "feature": motion is the length of the dataset's `flow`, as in the
            paper. "frame_difference": a proxy, see `motion_maps`. "none": frames at equal
            steps of time, and any region.
        frame_interval: Frames from each to the next, counted in the clip, instead of equal
            steps of motion; the first is drawn in proportion to the motion that follows.
            None for equal steps.
        fc6_units: Width of a frame's features. Defaults to 1024, as in the paper.
        fc7_units: Width of a pair's features. Defaults to 512, as in the paper.
        batch_norm: Whether fc6 and fc7 are normalised. Without, little was learned in the
            small.
        dropout: Share of the units of fc6 and fc7 that is dropped, in [0, 1).
        head: "pairwise" as in the paper, or "concat": the features of all frames pass fc7 at
            once, which was worse in the paper.

    Raises:
        ConfigurationError: If an argument is out of range.
        DataError: If clips differ in size, are too short or too small, or are neither grey
            nor in colour.
    """

    hyperparameters = {
        "num_frames": Integer(3, 6),
        "patch_size": Integer(8, unit="pixels"),
        "region_margin": Integer(0, unit="pixels"),
        "spatial_jitter": Integer(0, unit="pixels"),
        "channel_splitting": Boolean(),
        "mirror": Boolean(),
        "motion_source": motion_source("none"),
        "frame_interval": Optional(Integer(1, unit="frames"), "equal steps of motion"),
        "fc6_units": Integer(1),
        "fc7_units": Integer(1),
        "batch_norm": Boolean(),
        "dropout": Real(0, 1, closed="left"),
        "head": Choice("pairwise", "concat"),
    }

    def __init__(
        self,
        *,
        num_frames=4,
        patch_size=80,
        region_margin=20,
        spatial_jitter=5,
        channel_splitting=True,
        mirror=True,
        motion_source=FEATURE,
        frame_interval=None,
        fc6_units=1024,
        fc7_units=512,
        batch_norm=True,
        dropout=0.5,
        head="pairwise",
    ):
        super().__init__(
            num_frames=num_frames,
            patch_size=patch_size,
            region_margin=region_margin,
            spatial_jitter=spatial_jitter,
            channel_splitting=channel_splitting,
            mirror=mirror,
            motion_source=motion_source,
            frame_interval=frame_interval,
            fc6_units=fc6_units,
            fc7_units=fc7_units,
            batch_norm=batch_norm,
            dropout=dropout,
            head=head,
        )
        if self.region_margin < 2 * self.spatial_jitter:
            report.warn(
                f"Shifts by up to {spatial_jitter} pixels are often left out in a region with a "
                f"margin of {region_margin}: `region_margin` of SequenceSorting should be at least "
                "twice `spatial_jitter`."
            )
        least = (self.num_frames - 1) * (self.frame_interval or 1) + 1
        region = self.patch_size + self.region_margin
        self.reads = {"video": (least, region, region, 1)}
        if self.motion_source == FEATURE:
            self.reads["flow"] = (least - 1, region, region, 2)

    def check(self, split):
        super().check(split)
        require_known_sizes(type(self).__name__, split)
        shape = split.features["video"].shape
        if self.channel_splitting and shape[-1] not in (1, 3):
            raise DataError(
                "Channel splitting needs frames of 1 or 3 channels. Received: 'video' of shape "
                f"{shape}. Choose another dataset, or give channel_splitting=False."
            )

    def pretext(self, batch, seed):
        """Draws some frames and shuffles them.

        Returns:
            float32 `(batch, num_frames, patch_size, patch_size, channels)`, and int32
            `(batch,)`: the class of their order.
        """
        video = batch["video"]
        when, where, cut, colour, shuffle = tf.unstack(tf.random.split(seed, 5))
        maps = motion_maps(batch, self.motion_source)
        times = self.draw_frames(frame_motion(maps), when, video.shape[1])
        region = self.draw_region(maps, where)
        corners, mirrored = self.draw_crops(region, cut)
        frames = crop(take_frames(video, times), corners, self.patch_size, mirrored)
        if self.channel_splitting:
            frames = split_channels(frames, colour)
        order, label = self.draw_orders(tf.shape(video)[0], shuffle)
        return tf.gather(frames, order, axis=1, batch_dims=1), label

    def draw_frames(self, motion, seed, clip_length):
        """int32 `(batch, num_frames)`: frames in the order of time.

        Args:
            motion: float32 `(batch, clip_length - 1)`, from each frame to the next.
            seed: int32 `(2,)`.
            clip_length: Frames in a clip.
        """
        count, frames = tf.shape(motion)[0], self.num_frames
        if self.frame_interval:
            span = (frames - 1) * self.frame_interval
            uniform = tf.random.stateless_uniform([count], seed)
            start = draw_index(window_sums(motion, span), uniform)
            return start[:, tf.newaxis] + tf.range(frames) * self.frame_interval
        shift = tf.random.stateless_uniform([count, frames], seed, *_JITTER)
        share = (tf.range(frames, dtype=tf.float32) + shift) / frames
        return apart(draw_index(motion, share), clip_length)

    def draw_region(self, maps, seed):
        """int32 `(batch, 2)`: row and column of the region's top left pixel."""
        region = self.patch_size + self.region_margin
        sums = area_sums(tf.reduce_sum(maps, axis=1), region, region)
        columns = tf.shape(sums)[2]
        uniform = tf.random.stateless_uniform([tf.shape(maps)[0]], seed)
        place = draw_index(tf.reshape(sums, [tf.shape(sums)[0], -1]), uniform)
        return tf.stack([place // columns, place % columns], axis=-1)

    def draw_crops(self, region, seed):
        """Where each frame is cut out, and whether the tuple is mirrored.

        Args:
            region: int32 `(batch, 2)`, top left pixel of the region.
            seed: int32 `(2,)`.

        Returns:
            int32 `(batch, num_frames, 2)` and bool `(batch,)`.
        """
        first, second, third = tf.unstack(tf.random.split(seed, 3))
        count, margin, most = tf.shape(region)[0], self.region_margin, self.spatial_jitter
        base = tf.random.stateless_uniform([count, 1, 2], first, 0, margin + 1, tf.int32)
        shift = tf.random.stateless_uniform(
            [count, self.num_frames, 2], second, -most, most + 1, tf.int32
        )
        moved = base + shift
        place = tf.where((moved >= 0) & (moved <= margin), moved, base)
        mirrored = tf.random.stateless_uniform([count], third) < (0.5 if self.mirror else 0.0)
        return region[:, tf.newaxis] + place, mirrored

    def draw_orders(self, count, seed):
        """Which frame stands in which place, and the class of that order.

        Returns:
            int32 `(count, num_frames)` and int32 `(count,)`.
        """
        classes = order_classes(self.num_frames)
        first, second = tf.unstack(tf.random.split(seed))
        label = tf.random.stateless_uniform([count], first, 0, len(classes), tf.int32)
        backwards = tf.random.stateless_uniform([count], second) < 0.5
        order = tf.gather(classes, label)
        return tf.where(backwards[:, tf.newaxis], order[:, ::-1], order), label

    def build_model(self, inputs, encoder, data):
        """Builds frames -> "encoder", fc6 each -> fc7 of each pair -> logits of the classes."""
        shape = tuple(inputs.shape[1:])
        frames = keras.Input(shape, name="frames")
        rest = {"batch_norm": self.batch_norm, "dropout": self.dropout}
        values = frame_columns(encoder(shape[1:]), frames, [self.fc6_units], **rest)
        if self.head == "pairwise":
            values = SlotPairs(slot_pairs(self.num_frames), name="pairs")(values)
        else:
            values = keras.layers.Flatten(name="all")(values)
        values = dense_block(values, self.fc7_units, name="fc7", **rest)
        if self.head == "pairwise":
            values = keras.layers.Flatten(name="all_pairs")(values)
        classes = len(order_classes(self.num_frames))
        logits = keras.layers.Dense(classes, dtype="float32", name="order")(values)
        return keras.Model(frames, logits, name="sequence_sorting")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("accuracy")]

    def draw(self, inputs, targets, predictions):
        """The frames as they were shown, their order and the answer."""
        names = [
            "".join(str(frame + 1) for frame in order) for order in order_classes(self.num_frames)
        ]
        return {
            **{f"place {place + 1}": inputs[:, place] for place in range(self.num_frames)},
            "order": [names[int(one)] for one in targets],
            "answered": [names[int(one)] for one in tf.argmax(predictions, axis=-1)],
        }


def apart(times, clip_length):
    """Frames in the order of time, none twice, as close to `times` as may be.

    Where all of the motion lies in few frames, equal steps of it lead to one frame again
    and again; later frames take the places after it.

    Args:
        times: int32 `(batch, frames)`, not decreasing.
        clip_length: Frames in a clip, at least as many.

    Returns:
        int32 `(batch, frames)`, increasing, each in [0, clip_length).
    """
    frames = times.shape[1]
    kept = [times[:, 0]]
    for place in range(1, frames):
        kept.append(tf.maximum(times[:, place], kept[-1] + 1))
    return tf.minimum(tf.stack(kept, axis=1), clip_length - frames + tf.range(frames))


def split_channels(frames, seed):
    """One channel of each frame, drawn at random, in the place of all.

    Args:
        frames: float32 `(batch, frames, height, width, channels)`.
        seed: int32 `(2,)`.

    Returns:
        float32 of the same shape.
    """
    channels = frames.shape[-1]
    if channels == 1:
        return frames
    which = tf.random.stateless_uniform(tf.shape(frames)[:2], seed, 0, channels, tf.int32)
    one = tf.gather(tf.transpose(frames, [0, 1, 4, 2, 3]), which, axis=2, batch_dims=2)
    return tf.repeat(one[..., tf.newaxis], channels, axis=-1)
