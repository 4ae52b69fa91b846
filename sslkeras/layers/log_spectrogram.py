"""What stands before the trunk of sounds: a fixed length, and the logarithm of a spectrogram."""

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, Real, check_argument

_POSITIVE = Integer(1, unit="samples")


@keras.saving.register_keras_serializable(package="sslkeras")
class LogSpectrogram(keras.layers.Layer):
    """log(|STFT| + floor) of waveforms, as an image with one channel, low tones first.

    Frames of `frame_length` samples, one every `frame_step` samples, are weighted by a
    periodic Hann window, padded with zeros to `fft_length` and transformed. From `(batch,
    samples)` come float32 `(batch, fft_length / 2 + 1, frames, 1)`, where row k is the
    frequency k * sample rate / fft_length and

        frames = 1 + floor((samples - frame_length) / frame_step), or with `pad_end`
        frames = ceil(samples / frame_step)

    It computes in float32, whatever the precision of the model.

    Args:
        frame_length: Samples in a frame.
        frame_step: Samples from one frame to the next.
        fft_length: Length of the transform, >= `frame_length`.
        pad_end: Whether zeros are added behind the end, so that a frame begins at every
            `frame_step`-th sample.
        floor: Added before the logarithm, > 0, so that silence is finite.

    Raises:
        ConfigurationError: If an argument is out of range, or `frame_step` <= `frame_length`
            <= `fft_length` does not hold; when it is called, if a waveform is shorter than a
            frame.
    """

    def __init__(
        self,
        frame_length=480,
        frame_step=240,
        fft_length=512,
        pad_end=True,
        floor=1e-6,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        owner = "LogSpectrogram"
        self.frame_length = check_argument(owner, "frame_length", frame_length, _POSITIVE)
        self.frame_step = check_argument(owner, "frame_step", frame_step, _POSITIVE)
        self.fft_length = check_argument(owner, "fft_length", fft_length, _POSITIVE)
        self.pad_end = check_argument(owner, "pad_end", pad_end, Boolean())
        self.floor = check_argument(owner, "floor", floor, Real(0, closed="neither"))
        check_frames(owner, self.frame_length, self.frame_step, self.fft_length)

    def build(self, input_shape):
        samples = input_shape[-1]
        if len(input_shape) != 2 or (samples is not None and samples < self.frame_length):
            raise ConfigurationError(
                "LogSpectrogram takes waveforms (batch, samples) of at least one frame, "
                f"{self.frame_length} samples. Received: {tuple(input_shape)}. Choose longer "
                "sounds or a smaller `frame_length`."
            )
        super().build(input_shape)

    def call(self, waveforms):
        spectra = tf.signal.stft(
            tf.cast(waveforms, tf.float32),
            self.frame_length,
            self.frame_step,
            self.fft_length,
            pad_end=self.pad_end,
        )  # (batch, frames, bins)
        logarithms = tf.math.log(tf.abs(spectra) + self.floor)
        return tf.transpose(logarithms, [0, 2, 1])[..., tf.newaxis]

    def get_config(self):
        return {
            **super().get_config(),
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "pad_end": self.pad_end,
            "floor": self.floor,
        }


def check_frames(owner, frame_length, frame_step, fft_length):
    """Raises `ConfigurationError` unless `frame_step` <= `frame_length` <= `fft_length`."""
    if not frame_step <= frame_length <= fft_length:
        raise ConfigurationError(
            f"`frame_step` <= `frame_length` <= `fft_length` must hold for {owner}, so that every "
            f"sample counts. Received: frame_step={frame_step}, frame_length={frame_length}, "
            f"fft_length={fft_length}. Change one of them."
        )


@keras.saving.register_keras_serializable(package="sslkeras")
class FitLength(keras.layers.Layer):
    """The middle `num_samples` of waveforms; shorter ones get zeros at both ends alike.

    So a trunk made for one length takes sounds of any length, and hears of a longer one
    the moment that the example is about.

    Args:
        num_samples: Samples that come out.
    """

    def __init__(self, num_samples, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.num_samples = int(num_samples)

    def call(self, waveforms):
        waveforms = tf.cast(waveforms, tf.float32)
        surplus = tf.shape(waveforms)[1] - self.num_samples
        begin, missing = tf.maximum(surplus, 0) // 2, tf.maximum(-surplus, 0)
        padded = tf.pad(waveforms, [[0, 0], [missing // 2, missing - missing // 2]])
        return tf.ensure_shape(
            padded[:, begin : begin + self.num_samples], [None, self.num_samples]
        )

    def get_config(self):
        return {**super().get_config(), "num_samples": self.num_samples}
