"""The arrow of time: does this clip run forwards or backwards?

D. Wei, J. Lim, A. Zisserman, W. T. Freeman, "Learning and Using the Arrow of Time", CVPR 2018,
pp. 8052-8060. The question: L. C. Pickup et al., "Seeing the Arrow of Time", CVPR 2014.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real
from sslkeras.layers import ReproducibleDropout, apply_to_views
from sslkeras_verification.activation_map import ActivationHead, GradientHead
from sslkeras_verification.black_frame import visible_pixels
from sslkeras_verification.clip_stacks import (
    DIFFERENCE,
    FLOW,
    HORN_SCHUNCK,
    ClipStacks,
    fields_between,
)
from sslkeras_verification.flow_colors import evidence_colors, flow_colors
from sslkeras_verification.flow_fields import in_groups, mirror, negate, without_camera
from sslkeras_verification.view import crop, take_frames

# Pixels beside a black frame whose flow was computed from it.
_MARGIN = 2


class ArrowOfTime(Task):
    """Tells whether a clip runs forwards or backwards, from its optical flow.

    Withheld is the direction in which a clip is played. Things fall, slow down, spread and
    are handled in one direction only; to tell, the network must know what moves and how.

    T successive fields of flow are cut out of a clip at a random place, in half of the
    examples of the reversed clip. A trunk sees each of G groups of T / G fields; the groups'
    maps are fused, and global average pooling makes one logit of the last maps F:

        logit = mean over (y, x) of CAM(y, x),    CAM(y, x) = sum_c w_c F(y, x, c) + b

    The class activation map CAM shows where the evidence lies: positive for backwards.

    Trivial answers are ruled out as follows. Black bars hold traces of compression that change
    with time: they are set to 0 in all fields alike. Cameras have directions that people prefer:
    their motion is taken out of each field. Clips in which nothing moves, or with a cut, have
    weight 0. Flow of the reversed clip is computed from the reversed frames, as flow that is
    only negated has the errors of the forward one. One constant scales all fields.

    The paper's network, T-CAM, is `--encoder="vgg16(batch_norm='after', pool5=False)"`. The group
    trunk transfers: it takes the middle of a clip, T fields in G groups, and gives a map for each.

    Args:
        num_flow: T, fields in an example, >= 2. Defaults to 20, as in the paper.
        num_groups: G, a divisor of T. Defaults to 2, as in the paper.
        crop_size: Pixels of the square that is cut out, at a corner or in the middle. Defaults
            to 224, as in the paper.
        input_type: "flow", or "rgb_difference" of frames to see what flow is worth.
        flow_source: "feature": the dataset's `flow` and `flow_backward`, see the dataset
            `optical_flow`. "horn_schunck": computed here from `video`, for displacements of
            about a pixel; TV-L1 in the paper.
        reverse_mode: "recompute", or "negate": the forward fields negated in reverse order,
            which needs no `flow_backward` and lets errors of flow tell the direction.
        flow_clip: Bound of displacements in pixels a frame, which becomes 1. Defaults to 20, as
            in the usual flow streams.
        remove_black_frame: Whether black bars around the picture are set to 0.
        black_threshold: Mean of a row or column below which it is black, in [0, 1).
        stabilize: "none", "median" or "affine": what is taken out of each field as motion of the
            camera. The paper warps frames by homographies. Defaults to "median".
        difference_range: Examples count whose frames differ by more than the first number on
            average, and nowhere by more than the second: mean absolute differences of
            successive frames, pixels in [0, 1]. None: all count.
        backward_prob: Share of reversed clips, in (0, 1).
        horizontal_flip: Whether half of the examples are mirrored, with u negated.
        top_units: Channels of the convolutions on the fused maps. Defaults to 1024.
        top_layers: Number of them. Defaults to 2, as in the release.
        top_norm: Whether they are followed by batch normalisation, as in the release.
        dropout: Share dropped after each, in [0, 1). Defaults to 0.5.
        localization: "cam", or "gradcam": a hidden layer before the logit, and Grad-CAM.

    Raises:
        ConfigurationError: If an argument is out of range or `num_groups` does not divide
            `num_flow`; when the model is built, if the trunk gives no map.
        DataError: If sizes of clips are not known, or a clip has not one field less than frames.
    """

    targets_in_inputs = "none"
    hyperparameters = {
        "num_flow": Integer(2),
        "num_groups": Integer(1),
        "crop_size": Integer(8, unit="pixels"),
        "input_type": Choice("flow", "rgb_difference"),
        "flow_source": Choice("feature", "horn_schunck"),
        "reverse_mode": Choice("recompute", "negate"),
        "flow_clip": Real(0, closed="neither", unit="pixels"),
        "remove_black_frame": Boolean(),
        "black_threshold": Real(0, 1, closed="left"),
        "stabilize": Choice("none", "median", "affine"),
        "difference_range": Optional(ListOf(Real(0, 1), length=2, increasing=True), "all count"),
        "backward_prob": Real(0, 1, closed="neither"),
        "horizontal_flip": Boolean(),
        "top_units": Integer(1),
        "top_layers": Integer(1),
        "top_norm": Boolean(),
        "dropout": Real(0, 1, closed="left"),
        "localization": Choice("cam", "gradcam"),
    }

    def __init__(
        self,
        *,
        num_flow=20,
        num_groups=2,
        crop_size=224,
        input_type="flow",
        flow_source="feature",
        reverse_mode="recompute",
        flow_clip=20.0,
        remove_black_frame=True,
        black_threshold=0.06,
        stabilize="median",
        difference_range=(0.0, 0.2),
        backward_prob=0.5,
        horizontal_flip=True,
        top_units=1024,
        top_layers=2,
        top_norm=True,
        dropout=0.5,
        localization="cam",
    ):
        super().__init__(
            num_flow=num_flow,
            num_groups=num_groups,
            crop_size=crop_size,
            input_type=input_type,
            flow_source=flow_source,
            reverse_mode=reverse_mode,
            flow_clip=flow_clip,
            remove_black_frame=remove_black_frame,
            black_threshold=black_threshold,
            stabilize=stabilize,
            difference_range=difference_range,
            backward_prob=backward_prob,
            horizontal_flip=horizontal_flip,
            top_units=top_units,
            top_layers=top_layers,
            top_norm=top_norm,
            dropout=dropout,
            localization=localization,
        )
        if self.num_flow % self.num_groups:
            raise ConfigurationError(
                "`num_groups` of ArrowOfTime must divide `num_flow`. Received: "
                f"num_groups={self.num_groups}, num_flow={self.num_flow}."
            )
        side = self.crop_size
        video, flow = (self.num_flow + 1, side, side, 1), (self.num_flow, side, side, 2)
        if self._kind != FLOW:
            self.reads = {"video": video}
            return
        self.reads = {"flow": flow}
        if self.reverse_mode == "recompute":
            self.reads["flow_backward"] = flow
            # Noise in two features that are not of one clip tells which was taken.
            self.targets_in_inputs = "some"
        if self.remove_black_frame or self.difference_range is not None:
            self.reads["video"] = video

    @property
    def _kind(self):
        """What makes fields of raw clips."""
        if self.input_type == DIFFERENCE:
            return DIFFERENCE
        return HORN_SCHUNCK if self.flow_source == HORN_SCHUNCK else FLOW

    def check(self, split):
        super().check(split)
        shapes = {name: split.features[name].shape for name in self.reads}
        for name, shape in shapes.items():
            if not shape.is_fully_defined():
                raise DataError(
                    f"ArrowOfTime needs clips of one length and frames of one size. Received: "
                    f"'{name}' of shape {shape}. Choose sizes in the dataset's arguments."
                )
        sizes = {(s[0] - (name == "video"), s[1], s[2]) for name, s in shapes.items()}
        if len(sizes) > 1:
            raise DataError(
                "Flow must be of the same pixels as the video, and have one field less than it "
                f"has frames. Received: {', '.join(f'{n} {s}' for n, s in shapes.items())}. See "
                "the dataset 'optical_flow'."
            )

    def pretext(self, batch, seed):
        """Cuts a stack of fields out of each clip, of the reversed clip where it is drawn.

        Returns:
            float32 `(batch, num_groups, crop_size, crop_size, channels)`: displacements in
            pixels (or differences of pixels), T / G fields in the channels; {"direction": int32
            `(batch, 1)`}, 1 for backwards; with a `difference_range` float32 `(batch,)` weights of
            mean 1 that are 0 where it is left.
        """
        place, direction, spot, turn = tf.unstack(tf.random.split(seed, 4))
        some = batch[next(iter(self.reads))]
        count, length = tf.shape(some)[0], some.shape[1] - (self._kind != FLOW)
        start = tf.random.stateless_uniform([count], place, 0, length - self.num_flow + 1, tf.int32)
        backward = tf.random.stateless_uniform([count], direction) < self.backward_prob
        fields = self.fields(batch, start, backward)
        fields = self._cut(fields, spot, turn)
        stacks = in_groups(fields, self.num_groups)
        targets = {"direction": tf.cast(backward, tf.int32)[:, tf.newaxis]}
        if self.difference_range is None:
            return stacks, targets
        kept = tf.cast(self._moves(batch["video"], start), tf.float32)
        return stacks, targets, tf.math.divide_no_nan(kept, tf.reduce_mean(kept))

    def fields(self, batch, start, backward):
        """The fields of one window of each clip, guarded, in the frame's whole size.

        Args:
            batch: Raw float batch.
            start: int32 `(batch,)`, the first frame of the window in the clip as it was taken.
            backward: bool `(batch,)`, whether the window is played backwards.

        Returns:
            float32 `(batch, num_flow, height, width, channels)`.
        """
        visible = None
        if self.remove_black_frame:
            margin = _MARGIN if self._kind == FLOW else 0
            visible = visible_pixels(batch["video"], self.black_threshold, margin)
        if self._kind == FLOW:
            fields = self._given_fields(batch, start, backward)
        else:
            fields = self._made_fields(batch["video"], start, backward, visible)
        if self._kind != DIFFERENCE:
            fields = without_camera(fields, self.stabilize, visible)
        if visible is not None:
            fields *= tf.cast(visible, tf.float32)[:, tf.newaxis, :, :, tf.newaxis]
        if self._kind == DIFFERENCE:
            return fields
        return tf.clip_by_value(fields, -self.flow_clip, self.flow_clip)

    def build_model(self, inputs, encoder, data):
        """Builds stacks -> "encoder" each -> fused maps -> convolutions -> logit and map.

        Returns:
            A model of {"direction": logits `(batch, 1)`, "evidence": map `(batch, rows, columns)`}.

        Raises:
            ConfigurationError: If the trunk gives no map.
        """
        shape = tuple(inputs.shape[1:])
        stacks = keras.Input(shape, name="stacks")
        trunk = encoder(shape[1:])
        if trunk.output.shape.rank != 4:
            raise ConfigurationError(
                "ArrowOfTime needs a trunk with an output (batch, height, width, channels). "
                f"Received: {trunk.output.shape}. Choose a convolutional encoder."
            )
        maps = apply_to_views(trunk, self._scaled(stacks))
        height, width, channels = maps.shape[2:]
        maps = keras.layers.Permute((2, 3, 1, 4), name="side_by_side")(maps)
        maps = keras.layers.Reshape((height, width, self.num_groups * channels), name="fused")(maps)
        for number in range(1, self.top_layers + 1):
            maps = self._top_convolution(maps, number)
        if self.localization == "cam":
            head = ActivationHead(dtype="float32", name="direction")
        else:
            head = GradientHead(self.top_units, dtype="float32", name="direction")
        logit, evidence = head(maps)
        outputs = {"direction": logit, "evidence": evidence}
        return keras.Model(stacks, outputs, name="arrow_of_time")

    def loss(self):
        return {"direction": keras.losses.BinaryCrossentropy(from_logits=True)}

    def metrics(self):
        return {"direction": [keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)]}

    def encoders(self, model):
        """The trunk behind what makes stacks of raw clips: clips -> maps of the groups."""
        trunk = model.get_layer("encoder")
        bound = None if self._kind == DIFFERENCE else self.flow_clip
        # Horn-Schunck takes frames of any number of channels.
        channels = None if self._kind == HORN_SCHUNCK else self._channels(trunk.input_shape[-1])
        clip = keras.Input((None, None, None, channels), name=self.encoder_reads()["encoder"])
        stacks = ClipStacks(
            self._kind,
            self.num_flow,
            self.num_groups,
            self.crop_size,
            self.stabilize,
            bound,
            dtype="float32",
        )(clip)
        return {"encoder": keras.Model(clip, apply_to_views(trunk, self._scaled(stacks)))}

    def encoder_reads(self):
        return {"encoder": "flow" if self._kind == FLOW else "video"}

    def draw(self, inputs, targets, predictions):
        """The fields, where the evidence lies (backwards red, forwards blue), and the answer."""
        count = self._channels(inputs.shape[-1])
        fields = [
            group[..., first : first + count]
            for group in tf.unstack(inputs, axis=1)
            for first in range(0, group.shape[-1], count)
        ]
        if self._kind == DIFFERENCE:
            grey = [tf.reduce_mean(field, axis=-1, keepdims=True) for field in fields]
            clip = tf.clip_by_value(tf.repeat(tf.stack(grey, axis=1), 3, axis=-1) + 0.5, 0.0, 1.0)
        else:
            clip = flow_colors(tf.stack(fields, axis=1))
        words = ("forwards", "backwards")
        return {
            "played": clip,
            "evidence": evidence_colors(predictions["evidence"], clip[:, clip.shape[1] // 2]),
            "direction": [words[int(one)] for one in targets["direction"][:, 0]],
            "answered": [words[int(one > 0)] for one in predictions["direction"][:, 0]],
        }

    def _channels(self, of_group):
        """Channels of one field, from those of a group."""
        return of_group * self.num_groups // self.num_flow

    def _given_fields(self, batch, start, backward):
        """Fields of the dataset."""
        steps = tf.range(self.num_flow)
        forward = take_frames(batch["flow"], start[:, tf.newaxis] + steps)
        if self.reverse_mode == "negate":
            reversed_fields = negate(forward)
        else:
            # Field k of the reversed clip leads from frame n - k to frame n - k - 1.
            n = batch["flow_backward"].shape[1]
            first = n - start - self.num_flow
            reversed_fields = take_frames(batch["flow_backward"], first[:, tf.newaxis] + steps)
        chosen = backward[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis]
        return tf.where(chosen, reversed_fields, forward)

    def _made_fields(self, video, start, backward, visible):
        """Fields of frames, the frames reversed first."""
        steps = tf.range(self.num_flow + 1)
        recomputed = backward[:, tf.newaxis] & (self.reverse_mode == "recompute")
        numbers = start[:, tf.newaxis] + tf.where(recomputed, steps[::-1], steps)
        frames = take_frames(video, numbers)
        if visible is not None:
            frames *= tf.cast(visible, tf.float32)[:, tf.newaxis, :, :, tf.newaxis]
        fields = fields_between(frames, self._kind)
        if self.reverse_mode == "negate":
            chosen = backward[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis]
            fields = tf.where(chosen, negate(fields), fields)
        return fields

    def _moves(self, video, start):
        """bool `(batch,)`: something moves in the window, and there is no cut in it."""
        low, high = self.difference_range
        changes = tf.reduce_mean(tf.abs(video[:, 1:] - video[:, :-1]), axis=(2, 3, 4))
        changes = tf.gather(changes, start[:, tf.newaxis] + tf.range(self.num_flow), batch_dims=1)
        return (tf.reduce_mean(changes, axis=1) > low) & (tf.reduce_max(changes, axis=1) <= high)

    def _cut(self, fields, spot, turn):
        """One of five squares, the same in all fields, mirrored where it is drawn."""
        height, width = fields.shape[2:4]
        room = (height - self.crop_size, width - self.crop_size)
        if room == (0, 0) and not self.horizontal_flip:
            return fields
        count = tf.shape(fields)[0]
        corners = [(0, 0), (0, room[1]), (room[0], 0), room, (room[0] // 2, room[1] // 2)]
        which = tf.random.stateless_uniform([count], spot, 0, len(corners), tf.int32)
        places = tf.repeat(tf.gather(corners, which)[:, tf.newaxis], fields.shape[1], axis=1)
        share = 0.5 if self.horizontal_flip else 0.0
        mirrored = tf.random.stateless_uniform([count], turn) < share
        fields = crop(fields, places, self.crop_size, mirrored)
        return fields if self._kind == DIFFERENCE else mirror(fields, mirrored)

    def _scaled(self, stacks):
        """Displacements in units of `flow_clip`."""
        if self._kind == DIFFERENCE:
            return stacks
        return keras.layers.Rescaling(1.0 / self.flow_clip)(stacks)

    def _top_convolution(self, maps, number):
        maps = keras.layers.Conv2D(
            self.top_units,
            3,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            name=f"top{number}",
        )(maps)
        if self.top_norm:
            maps = keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, name=f"top{number}_norm"
            )(maps)
        if self.dropout:
            maps = ReproducibleDropout(self.dropout, name=f"top{number}_dropout")(maps)
        return maps
