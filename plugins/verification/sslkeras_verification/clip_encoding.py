"""Turning a short clip into one image that a network of images takes.

H. Bilen, B. Fernando, E. Gavves, A. Vedaldi, S. Gould, "Dynamic Image Networks for Action
Recognition", CVPR 2016 (the weights of dynamic images).
"""

import keras
import numpy as np
import tensorflow as tf

STACK, SUM, DYNAMIC = "stack_of_differences", "sum_of_differences", "dynamic_image"


def rank_pooling_weights(num_frames, form="simple") -> np.ndarray:
    """Weights of approximate rank pooling; they sum to 0.

    With T frames, t = 1, ..., T and the harmonic numbers H_t, H_0 = 0:

        simple           alpha_t = 2 t - T - 1
        time_averaged    alpha_t = 2 (T - t + 1) - (T + 1) (H_T - H_{t-1})

    Args:
        num_frames: T.
        form: "simple", or "time_averaged", whose ranked vectors are means of the frames so
            far.

    Returns:
        float64 `(num_frames,)`.
    """
    t = np.arange(1, num_frames + 1)
    if form == "simple":
        return 2.0 * t - num_frames - 1
    harmonic = np.concatenate([[0], np.cumsum(1 / t)])
    return 2.0 * (num_frames - t + 1) - (num_frames + 1) * (harmonic[-1] - harmonic[:-1])


def encode_clips(clips, encoding, rank_pooling="simple"):
    """Each clip as one image.

    - "stack_of_differences": x_{t+1} - x_t, one after the other along the channels.
    - "sum_of_differences": their sum, which is the last frame less the first.
    - "dynamic_image": the sum of alpha_t x_t, see `rank_pooling_weights`.

    A constant image that is added to all frames changes none of them.

    Args:
        clips: float `(batch, frames, height, width, channels)`.
        encoding: One of the three.
        rank_pooling: "simple" or "time_averaged", for dynamic images.

    Returns:
        float `(batch, height, width, channels)`, with (frames - 1) times as many channels
        for a stack.
    """
    frames = clips.shape[1]
    if encoding == SUM:
        return clips[:, -1] - clips[:, 0]
    if encoding == DYNAMIC:
        weights = tf.constant(rank_pooling_weights(frames, rank_pooling), clips.dtype)
        return tf.einsum("bthwc,t->bhwc", clips, weights)
    return tf.concat(tf.unstack(clips[:, 1:] - clips[:, :-1], axis=1), axis=-1)


def mean_energy(encoded):
    """Mean absolute value of each encoded clip, float `(batch,)`."""
    return tf.reduce_mean(tf.abs(encoded), axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class ClipEncoding(keras.layers.Layer):
    """Cuts clips into windows and turns each into one image, see `encode_clips`.

    A clip longer than a window gives one row for each whole window in it, without overlap.
    Values are scaled by one fixed number, to [-1, 1]: a scale of its own for each clip would
    tell which was shuffled, as shuffled frames differ more.

    `(batch, time, height, width, channels)` to `(batch * windows, height, width, maps)`.

    Args:
        num_frames: Frames in a window.
        encoding: "stack_of_differences", "sum_of_differences" or "dynamic_image".
        rank_pooling: "simple" or "time_averaged", for dynamic images.
        grey: Whether the mean of the channels is encoded.
        equalise_energy: Whether each window is divided by its own mean absolute value, which
            takes away what only the amount of change tells.
    """

    def __init__(
        self,
        num_frames,
        encoding=STACK,
        rank_pooling="simple",
        grey=False,
        equalise_energy=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_frames, self.encoding, self.rank_pooling = num_frames, encoding, rank_pooling
        self.grey, self.equalise_energy = grey, equalise_energy

    def call(self, inputs):
        windows = tf.shape(inputs)[1] // self.num_frames
        inside = tf.shape(inputs)[2:]
        kept = inputs[:, : windows * self.num_frames]
        clips = tf.reshape(kept, tf.concat([[-1, self.num_frames], inside], axis=0))
        clips = tf.ensure_shape(clips, [None, self.num_frames, *inputs.shape[2:]])
        if self.grey:
            clips = tf.reduce_mean(clips, axis=-1, keepdims=True)
        encoded = encode_clips(clips, self.encoding, self.rank_pooling) * self._scale()
        if self.equalise_energy:
            energy = mean_energy(encoded)[:, tf.newaxis, tf.newaxis, tf.newaxis]
            encoded = tf.math.divide_no_nan(encoded, energy)
        return encoded

    def _scale(self):
        if self.encoding != DYNAMIC:
            return 1.0
        weights = rank_pooling_weights(self.num_frames, self.rank_pooling)
        return float(1 / weights[weights > 0].sum())

    def get_config(self):
        return {
            **super().get_config(),
            "num_frames": self.num_frames,
            "encoding": self.encoding,
            "rank_pooling": self.rank_pooling,
            "grey": self.grey,
            "equalise_energy": self.equalise_energy,
        }


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class MeanOfWindows(keras.layers.Layer):
    """Mean over the windows of each clip, of features `(batch * windows, ...)`.

    Called with the features and the clips `(batch, ...)` that they are of.
    """

    def call(self, inputs):
        features, clips = inputs
        shape = tf.concat([[tf.shape(clips)[0], -1], tf.shape(features)[1:]], axis=0)
        mean = tf.reduce_mean(tf.reshape(features, shape), axis=1)
        return tf.ensure_shape(mean, [None, *features.shape[1:]])


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class MeanEnergy(keras.layers.Layer):
    """`mean_energy` as a layer without weights."""

    def call(self, inputs):
        return mean_energy(tf.cast(inputs, tf.float32))
