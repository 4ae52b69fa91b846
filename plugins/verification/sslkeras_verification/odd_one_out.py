"""Odd one out: which of these clips has its frames in the wrong order?

B. Fernando, H. Bilen, E. Gavves, S. Gould, "Self-Supervised Video Representation Learning
With Odd-One-Out Networks", CVPR 2017, pp. 3636-3645, https://arxiv.org/abs/1611.06646.
"""

import math

import keras
import tensorflow as tf

from sslkeras import Task, report
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras.layers import FoldViews, UnfoldViews
from sslkeras_verification.clip_encoding import (
    DYNAMIC,
    STACK,
    SUM,
    ClipEncoding,
    MeanEnergy,
    MeanOfWindows,
)
from sslkeras_verification.clip_sizes import require_known_sizes
from sslkeras_verification.column import dense_block
from sslkeras_verification.motion import uniform_integers
from sslkeras_verification.sum_of_differences import SumOfDifferences
from sslkeras_verification.view import random_view, take_frames

# Of 3 frames two thirds of the orders are allowed: some 1 in 10^10 questions has no such draw.
_DRAWS = 24


class OddOneOut(Task):
    """Points at the one of several short clips whose frames are shuffled.

    Withheld is which of the `num_elements` elements of a question it is. All are of one
    video. To find it the network must compare how things move, and chance is
    1 / num_elements.

    Each element is encoded as one image (`clip_encoder`), passes the trunk and a first layer,
    all elements the same, and a second layer sees the elements together (`fusion`).

    Trivial answers are ruled out: with `sampling="constrained"` all elements overlap, so that
    none stands out by what it shows; crop and mirror are the same for all frames of a
    question; encoded clips are scaled by one fixed number. One cue belongs to the method:
    shuffled frames differ more. `energy_baseline` tells how far that alone leads (the
    accuracy of the element with the greatest mean absolute value, without any learning);
    with `equalise_energy` it leads nowhere.

    What transfers is the clip encoder with the trunk. It takes clips of `frames_per_element`
    frames, or longer ones, whose windows it averages; sample them with `frame_stride`.

    Args:
        num_elements: Elements of a question (N + 1), >= 2; even for fusion="sum_of_difference",
            which gives the middle one of an odd number no weight. Defaults to 6, as in the
            paper.
        frames_per_element: Frames of an element (W), 3 to 20. Defaults to 6, as in the paper.
        sampling: "consecutive": each element starts anywhere. "random": its frames are drawn
            from the whole clip and sorted. "constrained": all elements lie in one window,
            and start anywhere in it.
        constrained_factor: Length of that window in elements, >= 1; rounded up to frames.
        frame_stride: Frames of the clip from one frame of an element to the next. Must be 1
            with sampling="random".
        exclude_reversal: Whether the odd element is never an exact reversal, which cannot be
            told where things move back and forth.
        clip_encoder: "stack_of_differences" (best in the paper), "sum_of_differences" (the
            last frame less the first; orders that keep both are not drawn) or
            "dynamic_image".
        rank_pooling: Weights of dynamic images, "simple" or "time_averaged"; None for
            "simple". Only with clip_encoder="dynamic_image".
        grayscale_differences: Whether the mean of the channels is stacked. Only with
            clip_encoder="stack_of_differences".
        equalise_energy: Whether each encoded element is divided by its own mean absolute
            value.
        fusion: "sum_of_difference": differences of all pairs, summed with their signs.
            "concat": side by side.
        image_size: Side of the frames that the network sees, in pixels. Defaults to 227, for
            the paper's AlexNet.
        crop_margin: Pixels by which frames are larger before one square is cut out of all
            frames of a question. Defaults to 0.
        mirror: Whether half of the questions are mirrored. Defaults to True.
        feature_units: Width of the first layer. Defaults to 128, as in the paper.
        hidden_units: Width of the second layer. Defaults to 128.
        batch_norm: Whether both layers are normalised.
        dropout: Share of the units of both that is dropped, in [0, 1).

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another.
        DataError: If clips differ in size or are too short.
    """

    hyperparameters = {
        "num_elements": Integer(2),
        "frames_per_element": Integer(3, 20),
        "sampling": Choice("constrained", "consecutive", "random"),
        "constrained_factor": Real(1),
        "frame_stride": Integer(1, unit="frames"),
        "exclude_reversal": Boolean(),
        "clip_encoder": Choice(STACK, SUM, DYNAMIC),
        "rank_pooling": Optional(Choice("simple", "time_averaged"), "'simple'"),
        "grayscale_differences": Boolean(),
        "equalise_energy": Boolean(),
        "fusion": Choice("sum_of_difference", "concat"),
        "image_size": Integer(8, unit="pixels"),
        "crop_margin": Integer(0, unit="pixels"),
        "mirror": Boolean(),
        "feature_units": Integer(1),
        "hidden_units": Integer(1),
        "batch_norm": Boolean(),
        "dropout": Real(0, 1, closed="left"),
    }

    def __init__(
        self,
        *,
        num_elements=6,
        frames_per_element=6,
        sampling="constrained",
        constrained_factor=1.5,
        frame_stride=1,
        exclude_reversal=True,
        clip_encoder=STACK,
        rank_pooling=None,
        grayscale_differences=False,
        equalise_energy=False,
        fusion="sum_of_difference",
        image_size=227,
        crop_margin=0,
        mirror=True,
        feature_units=128,
        hidden_units=128,
        batch_norm=True,
        dropout=0.5,
    ):
        super().__init__(
            num_elements=num_elements,
            frames_per_element=frames_per_element,
            sampling=sampling,
            constrained_factor=constrained_factor,
            frame_stride=frame_stride,
            exclude_reversal=exclude_reversal,
            clip_encoder=clip_encoder,
            rank_pooling=rank_pooling,
            grayscale_differences=grayscale_differences,
            equalise_energy=equalise_energy,
            fusion=fusion,
            image_size=image_size,
            crop_margin=crop_margin,
            mirror=mirror,
            feature_units=feature_units,
            hidden_units=hidden_units,
            batch_norm=batch_norm,
            dropout=dropout,
        )
        self._only("rank_pooling", None, clip_encoder == DYNAMIC, "clip_encoder='dynamic_image'")
        self._only(
            "grayscale_differences",
            False,
            clip_encoder == STACK,
            "clip_encoder='stack_of_differences'",
        )
        self._only("frame_stride", 1, sampling != "random", "another sampling than 'random'")
        if self.num_elements == 2:
            report.warn(
                "A question of 2 elements hardly asks for more than which one changes more: "
                "`num_elements` of OddOneOut should be 4 or more."
            )
        elif self.num_elements % 2 and fusion == "sum_of_difference":
            report.warn(
                f"With {num_elements} elements the middle one has no weight in the sum of "
                "differences: `num_elements` of OddOneOut should be even."
            )
        self.reads = {"video": ((self._window - 1) * self.frame_stride + 1, 1, 1, 1)}

    def check(self, split):
        super().check(split)
        require_known_sizes(type(self).__name__, split)

    def pretext(self, batch, seed):
        """Asks one question of each clip.

        Returns:
            float32 `(batch, num_elements, frames_per_element, image_size, image_size,
            channels)`; and under "odd" and "energy" the same int32 `(batch,)`: which element
            is shuffled.
        """
        video = batch["video"]
        draw, look = tf.unstack(tf.random.split(seed))
        frames, odd = self.draw_frames(tf.shape(video)[0], video.shape[1], draw)
        if self.sampling == "constrained":
            # Only what the window holds is resized and cut.
            first = tf.reduce_min(frames, axis=(1, 2))
            steps = tf.range(self._window) * self.frame_stride
            last = video.shape[1] - 1
            video = take_frames(video, tf.minimum(first[:, tf.newaxis] + steps, last))
            frames = (frames - first[:, tf.newaxis, tf.newaxis]) // self.frame_stride
        view = random_view(
            video, look, self.image_size, margin=self.crop_margin, mirror=self.mirror
        )
        return take_frames(view, frames), {"odd": odd, "energy": odd}

    def draw_frames(self, count, num_frames, seed):
        """Which frames the elements show, and which element is the odd one.

        Args:
            count: Number of questions.
            num_frames: Frames in a clip.
            seed: int32 `(2,)`.

        Returns:
            int32 `(count, num_elements, frames_per_element)`, and int32 `(count,)`.
        """
        where, which, shuffle = tf.unstack(tf.random.split(seed, 3))
        frames = self._ordered_frames(count, num_frames, where)
        odd = tf.random.stateless_uniform([count], which, 0, self.num_elements, tf.int32)
        order = self.draw_orders(count, shuffle)
        shuffled = tf.gather(frames, order, axis=2, batch_dims=1)
        is_odd = tf.one_hot(odd, self.num_elements, True, False)[..., tf.newaxis]
        return tf.where(is_odd, shuffled, frames), odd

    def _ordered_frames(self, count, num_frames, seed):
        """int32 `(count, num_elements, frames_per_element)`, rising along the last axis."""
        elements, width, stride = self.num_elements, self.frames_per_element, self.frame_stride
        if self.sampling == "random":
            order = tf.random.stateless_uniform([count, elements, num_frames], seed)
            return tf.sort(tf.argsort(order)[..., :width])
        uniform = tf.random.stateless_uniform([count, elements + 1], seed)
        if self.sampling == "consecutive":
            last = num_frames - 1 - (width - 1) * stride
            starts = uniform_integers(uniform[:, 1:], 0, last)
        else:
            last = num_frames - 1 - (self._window - 1) * stride
            window = uniform_integers(uniform[:, :1], 0, last)
            starts = window + stride * uniform_integers(uniform[:, 1:], 0, self._window - width)
        return starts[..., tf.newaxis] + stride * tf.range(width)

    def draw_orders(self, count, seed):
        """int32 `(count, frames_per_element)`: orders that are not right, equally likely.

        Never the identity; the reversal and, for sums of differences, orders that keep both
        ends only where the arguments allow them.
        """
        width = self.frames_per_element
        uniform = tf.random.stateless_uniform([count, _DRAWS, width], seed)
        orders = tf.argsort(uniform)
        right = tf.range(width)
        wrong = tf.reduce_any(orders != right, axis=-1)
        if self.exclude_reversal:
            wrong &= tf.reduce_any(orders != right[::-1], axis=-1)
        if self.clip_encoder == SUM:
            wrong &= (orders[..., 0] != 0) | (orders[..., -1] != width - 1)
        first = tf.argmax(tf.cast(wrong, tf.int32), axis=1)
        found = tf.reduce_any(wrong, axis=1)[:, tf.newaxis]
        chosen = tf.gather(orders, first, axis=1, batch_dims=1)
        # Where no draw was allowed: an order that always is.
        return tf.where(found, chosen, tf.roll(right, 1, axis=0))

    def build_model(self, inputs, encoder, data):
        """Builds elements -> "encoder", fc6 each -> fusion -> fc7 -> logits of the elements."""
        shape = tuple(inputs.shape[1:])
        elements = keras.Input(shape, name="elements")
        rest = {"batch_norm": self.batch_norm, "dropout": self.dropout}
        trunk = self._clip_trunk(encoder, shape[2:])
        clips = FoldViews()(elements)
        features = UnfoldViews(self.num_elements)(trunk(clips))
        features = keras.layers.Reshape((self.num_elements, -1), name="flatten")(features)
        values = dense_block(features, self.feature_units, name="fc6", **rest)
        if self.fusion == "concat":
            values = keras.layers.Flatten(name="fusion")(values)
        else:
            values = SumOfDifferences(name="fusion")(values)
        values = dense_block(values, self.hidden_units, name="fc7", **rest)
        logits = keras.layers.Dense(self.num_elements, dtype="float32", name="odd")(values)
        energy = MeanEnergy(name="mean_energy")(self._clip_encoding("encoded_elements")(clips))
        energy = UnfoldViews(self.num_elements, dtype="float32", name="energy")(energy)
        return keras.Model(elements, {"odd": logits, "energy": energy}, name="odd_one_out")

    def _clip_trunk(self, encoder, frame):
        """The clip encoder and the trunk: clips of any length to features."""
        clips = keras.Input((None, *frame))
        encoded = self._clip_encoding("clip_encoding")(clips)
        features = encoder(tuple(encoded.shape[1:]), name="trunk")(encoded)
        features = MeanOfWindows(name="mean_of_windows")([features, clips])
        return keras.Model(clips, features, name="encoder")

    def _clip_encoding(self, name):
        return ClipEncoding(
            self.frames_per_element,
            self.clip_encoder,
            self.rank_pooling or "simple",
            self.grayscale_differences,
            self.equalise_energy,
            name=name,
        )

    def loss(self):
        return {"odd": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}

    def metrics(self):
        return {
            "odd": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
            "energy": [keras.metrics.SparseCategoricalAccuracy("energy_baseline")],
        }

    def draw(self, inputs, targets, predictions):
        """The elements as clips, the odd one and the answer."""
        answers = tf.argmax(predictions["odd"], axis=-1)
        return {
            **{f"element {n + 1}": inputs[:, n] for n in range(self.num_elements)},
            "odd": [str(int(one) + 1) for one in targets["odd"]],
            "answered": [str(int(one) + 1) for one in answers],
        }

    @property
    def _window(self):
        """Frames, `frame_stride` apart, in which all elements of a question lie at least."""
        factor = self.constrained_factor if self.sampling == "constrained" else 1
        return math.ceil(factor * self.frames_per_element)

    def _only(self, name, default, possible, where):
        value = getattr(self, name)
        if value != default and not possible:
            raise ConfigurationError(
                f"`{name}` of OddOneOut must be {default!r} except with {where}. Received: "
                f"{name}={value!r}. Leave it out."
            )
