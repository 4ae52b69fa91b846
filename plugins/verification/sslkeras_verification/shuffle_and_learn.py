"""Shuffle and learn: is this the order in which it happened?

I. Misra, C. L. Zitnick, M. Hebert, "Shuffle and Learn: Unsupervised Learning using Temporal
Order Verification", ECCV 2016, https://arxiv.org/abs/1603.08561.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.hyperparameters import Boolean, Integer, Optional, Real
from sslkeras_verification.clip_sizes import require_known_sizes
from sslkeras_verification.column import dense_block, frame_columns
from sslkeras_verification.motion import (
    FEATURE,
    draw_index,
    frame_motion,
    motion_maps,
    motion_source,
    uniform_integers,
    window_sums,
)
from sslkeras_verification.order_scores import BalancedAccuracy, OrderAUC
from sslkeras_verification.view import random_view, take_frames

_SHORTEST = 5  # Frames a < b < c < d < e.


class ShuffleAndLearn(Task):
    """Tells whether three frames of a clip stand in an order in which they can have happened.

    Withheld is when the frame in the middle was seen. Five frames a < b < c < d < e are
    drawn where much moves. The outer two that are shown are always b and d, in either
    direction, so that the one between them alone decides:

        right: (b, c, d), (d, c, b)          wrong: (b, a, d), (b, e, d), (d, a, b), (d, e, b)

    To tell, the network must see where things are and how they move. Trivial answers are
    ruled out as follows. Where nothing moves there is no answer: b is drawn in proportion
    to the motion from b to d. Where c looks like a or e there is none either: of
    `candidates` draws the first counts in which it does not, and an example without such a
    draw has weight 0 (the others of its batch share its weight). The direction of time
    tells nothing, as both occur. Three frames are cut out and mirrored alike.

    Three quarters of the examples are wrong ones, as in the paper: the constant answer is
    right as often. See `auc` and `balanced_accuracy`, which are 0.5 for it.

    Spans count frames of the clips as the dataset gives them: of every 4th frame of a video
    the paper's 60 are 15.

    A trunk that gives a map is followed by the paper's fc6 and fc7; one that gives a vector
    is taken as it is. The trunk alone transfers.

    Args:
        positive_span: Frames from b to d (tau_max), >= 2. Defaults to 60, as in the paper.
        negative_margin: Least distance of a from b and of e from d (tau_min), >= 1. Defaults
            to 15, as in the paper.
        negative_reach: How many frames further away a and e may be. Defaults to 60.
        negative_fraction: Share of wrong orders, in (0, 1). Defaults to 0.75, which was best
            in the paper.
        motion_source: "feature": motion is the length of the dataset's `flow`, as in the
            paper. "frame_difference": a proxy, see `motion_maps`. "uniform": b is drawn
            without regard to motion.
        min_frame_mse: Least mean squared difference of c from a and from e, of pixels in
            [0, 1]; the paper names no figure. 0 for no such filter. Defaults to 1e-3.
        candidates: Draws for the filter, >= 1.
        scale_spans_to_clip: Whether all spans shrink in proportion where the clips are too
            short for them; otherwise such clips are refused.
        allow_reverse: Whether the triplets that begin with d occur.
        image_size: Side of the frames that the network sees, in pixels. Defaults to 227, as
            in the paper.
        crop_margin: Pixels by which frames are larger before one square is cut out of all
            three. Defaults to 0, as in the release.
        mirror: Whether half of the triplets are mirrored. Defaults to False, as in the
            release.
        feature_units: Width of fc6 and fc7. Defaults to 4096, as in the paper.
        head_units: Width of a hidden layer on the three frames' features; None, as in the
            paper, for none. Without one the answer is a sum of terms each of one frame.
        batch_norm: Whether fc6, fc7 and the hidden layer are normalised.
        dropout: Share of the units of these layers that is dropped, in [0, 1).

    Raises:
        ConfigurationError: If an argument is out of range.
        DataError: If clips differ in size or are too short.
    """

    hyperparameters = {
        "positive_span": Integer(2, unit="frames"),
        "negative_margin": Integer(1, unit="frames"),
        "negative_reach": Integer(0, unit="frames"),
        "negative_fraction": Real(0, 1, closed="neither"),
        "motion_source": motion_source("uniform"),
        "min_frame_mse": Real(0),
        "candidates": Integer(1),
        "scale_spans_to_clip": Boolean(),
        "allow_reverse": Boolean(),
        "image_size": Integer(8, unit="pixels"),
        "crop_margin": Integer(0, unit="pixels"),
        "mirror": Boolean(),
        "feature_units": Integer(1),
        "head_units": Optional(Integer(1), "no hidden layer"),
        "batch_norm": Boolean(),
        "dropout": Real(0, 1, closed="left"),
    }

    def __init__(
        self,
        *,
        positive_span=60,
        negative_margin=15,
        negative_reach=60,
        negative_fraction=0.75,
        motion_source=FEATURE,
        min_frame_mse=1e-3,
        candidates=8,
        scale_spans_to_clip=False,
        allow_reverse=True,
        image_size=227,
        crop_margin=0,
        mirror=False,
        feature_units=4096,
        head_units=None,
        batch_norm=True,
        dropout=0.5,
    ):
        super().__init__(
            positive_span=positive_span,
            negative_margin=negative_margin,
            negative_reach=negative_reach,
            negative_fraction=negative_fraction,
            motion_source=motion_source,
            min_frame_mse=min_frame_mse,
            candidates=candidates,
            scale_spans_to_clip=scale_spans_to_clip,
            allow_reverse=allow_reverse,
            image_size=image_size,
            crop_margin=crop_margin,
            mirror=mirror,
            feature_units=feature_units,
            head_units=head_units,
            batch_norm=batch_norm,
            dropout=dropout,
        )
        needed = self.positive_span + 2 * self.negative_margin + 1
        least = _SHORTEST if self.scale_spans_to_clip else needed
        self.reads = {"video": (least, 1, 1, 1)}
        if self.motion_source == FEATURE:
            self.reads["flow"] = (least - 1, 1, 1, 2)

    def check(self, split):
        super().check(split)
        require_known_sizes(type(self).__name__, split)

    def pretext(self, batch, seed):
        """Draws a triplet from each clip.

        Returns:
            float32 `(batch, 3, image_size, image_size, channels)`, int32 `(batch,)` that is
            1 for a right order, and with a filter float32 `(batch,)` weights of mean 1 that
            are 0 where frames are too much alike.
        """
        video = batch["video"]
        draw, choose, look = tf.unstack(tf.random.split(seed, 3))
        motion = frame_motion(motion_maps(batch, self.motion_source))
        five = self.draw_frames(motion, draw, video.shape[1])
        five, clear = self._first_clear(video, five)
        triplets, label = self.arrange(five, choose)
        frames = random_view(
            take_frames(video, triplets),
            look,
            self.image_size,
            margin=self.crop_margin,
            mirror=self.mirror,
        )
        if not self.min_frame_mse:
            return frames, label
        kept = tf.cast(clear, tf.float32)
        return frames, label, tf.math.divide_no_nan(kept, tf.reduce_mean(kept))

    def spans(self, num_frames):
        """Positive span, negative margin and negative reach in clips of `num_frames`."""
        span, margin, reach = self.positive_span, self.negative_margin, self.negative_reach
        needed = span + 2 * margin + 1
        if not self.scale_spans_to_clip or num_frames >= needed:
            return span, margin, reach
        shrink = (num_frames - 1) / (needed - 1)
        return max(2, int(span * shrink)), max(1, int(margin * shrink)), int(reach * shrink)

    def draw_frames(self, motion, seed, num_frames):
        """int32 `(batch, candidates, 5)`: frames a < b < c < d < e.

        Args:
            motion: float32 `(batch, num_frames - 1)`, from each frame to the next.
            seed: int32 `(2,)`.
            num_frames: Frames in a clip.
        """
        span, margin, reach = self.spans(num_frames)
        count = tf.shape(motion)[0]
        uniform = tf.random.stateless_uniform([4, count, self.candidates], seed)
        # Only where room is left for a before b and for e after d.
        starts = window_sums(motion, span)[:, margin : num_frames - span - margin]
        b = margin + draw_index(starts, uniform[0])
        d = b + span
        c = uniform_integers(uniform[1], b + 1, d - 1)
        a = uniform_integers(uniform[2], tf.maximum(b - margin - reach, 0), b - margin)
        last = tf.minimum(d + margin + reach, num_frames - 1)
        e = uniform_integers(uniform[3], d + margin, last)
        return tf.stack([a, b, c, d, e], axis=-1)

    def arrange(self, five, seed):
        """Triplets of frames and whether each is in a right order.

        Args:
            five: int32 `(batch, 5)`: frames a < b < c < d < e.
            seed: int32 `(2,)`.

        Returns:
            int32 `(batch, 3)` frames, and int32 `(batch,)`: 1 for right, 0 for wrong.
        """
        a, b, c, d, e = tf.unstack(five, axis=-1)
        uniform = tf.random.stateless_uniform([3, tf.shape(five)[0]], seed)
        right = uniform[0] >= self.negative_fraction
        middle = tf.where(right, c, tf.where(uniform[1] < 0.5, a, e))
        triplets = tf.stack([b, middle, d], axis=-1)
        if self.allow_reverse:
            triplets = tf.where(uniform[2, :, tf.newaxis] < 0.5, triplets[:, ::-1], triplets)
        return triplets, tf.cast(right, tf.int32)

    def _first_clear(self, video, five):
        """The first draw in which c differs from a and e, else the first; and if there is one."""
        if not self.min_frame_mse:
            return five[:, 0], None

        # One draw at a time: all of them at once would copy the clip several times over.
        def least_difference(frames):
            a, c, e = (take_frames(video, frames[:, which]) for which in (0, 2, 4))
            return tf.minimum(mean_squared_difference(a, c), mean_squared_difference(c, e))

        differences = tf.map_fn(
            least_difference,
            tf.transpose(five, [1, 0, 2]),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )
        clear = tf.transpose(differences) >= self.min_frame_mse
        first = tf.argmax(tf.cast(clear, tf.int32), axis=1)
        return tf.gather(five, first, axis=1, batch_dims=1), tf.reduce_any(clear, axis=1)

    def build_model(self, inputs, encoder, data):
        """Builds 3 frames -> "encoder" each -> fc6, fc7 each -> logits `(batch, 2)`."""
        shape = tuple(inputs.shape[1:])
        frames = keras.Input(shape, name="frames")
        rest = {"batch_norm": self.batch_norm, "dropout": self.dropout}
        columns = frame_columns(encoder(shape[1:]), frames, [self.feature_units] * 2, **rest)
        # Side by side, not averaged: which frame is which is the question.
        values = keras.layers.Flatten(name="triplet")(columns)
        if self.head_units:
            values = dense_block(values, self.head_units, name="hidden", **rest)
        logits = keras.layers.Dense(2, dtype="float32", name="order")(values)
        return keras.Model(frames, logits, name="shuffle_and_learn")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return [
            keras.metrics.SparseCategoricalAccuracy("accuracy"),
            OrderAUC(name="auc"),
            BalancedAccuracy(1 - self.negative_fraction),
        ]

    def draw(self, inputs, targets, predictions):
        """The three frames, whether their order is right, and the answer."""
        prior = tf.math.log((1 - self.negative_fraction) / self.negative_fraction)
        answers = predictions[:, 1] - predictions[:, 0] > tf.cast(prior, predictions.dtype)
        words = ("wrong", "right")
        return {
            "first": inputs[:, 0],
            "between?": inputs[:, 1],
            "last": inputs[:, 2],
            "order": [words[int(one)] for one in targets],
            "answered": [words[int(one)] for one in answers],
        }


def mean_squared_difference(one, other):
    """Mean squared difference of two frames each, float32 `(batch,)`."""
    return tf.reduce_mean(tf.square(one - other), axis=(1, 2, 3))
