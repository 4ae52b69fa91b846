"""What a network that was trained on stacks of flow takes of a raw clip."""

import keras
import tensorflow as tf

from sslkeras_verification.flow_fields import in_groups, without_camera
from sslkeras_verification.horn_schunck import flow_of_clips

FLOW, HORN_SCHUNCK, DIFFERENCE = "flow", "horn_schunck", "rgb_difference"


def fields_between(frames, kind):
    """Fields between successive frames, `(batch, time - 1, height, width, channels)`.

    Args:
        frames: float32 `(batch, time, height, width, channels)` in [0, 1].
        kind: "horn_schunck", or "rgb_difference" for the differences of pixels.
    """
    return flow_of_clips(frames) if kind == HORN_SCHUNCK else frames[:, 1:] - frames[:, :-1]


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class ClipStacks(keras.layers.Layer):
    """The middle of a raw clip as groups of fields, as in pretraining but without chance.

    Black frames are not looked for, as clips of flow do not show them.

    Args:
        kind: "flow" if clips are flow already, "horn_schunck" or "rgb_difference" of frames.
        num_fields: Successive fields that are taken.
        num_groups: Groups of these.
        side: Pixels of the square in the middle that is taken.
        stabilize: See `without_camera`.
        bound: Displacements are clipped to it, or None.
        **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, kind, num_fields, num_groups, side, stabilize, bound, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.num_fields, self.num_groups = kind, num_fields, num_groups
        self.side, self.stabilize, self.bound = side, stabilize, bound

    def call(self, inputs):
        count = self.num_fields + (self.kind != FLOW)
        start, top, left = tf.unstack((tf.shape(inputs)[1:4] - [count, self.side, self.side]) // 2)
        clip = inputs[:, start : start + count]
        clip = tf.ensure_shape(clip, [None, count, *inputs.shape[2:]])
        fields = clip if self.kind == FLOW else fields_between(clip, self.kind)
        if self.bound is not None:
            fields = without_camera(fields, self.stabilize)
            fields = tf.clip_by_value(fields, -self.bound, self.bound)
        square = fields[:, :, top : top + self.side, left : left + self.side]
        square = tf.ensure_shape(square, [None, *fields.shape[1:2], self.side, self.side, None])
        return in_groups(square, self.num_groups)

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "num_fields": self.num_fields,
            "num_groups": self.num_groups,
            "side": self.side,
            "stabilize": self.stabilize,
            "bound": self.bound,
        }
