"""Encoders of sounds: a spectrogram before any trunk of images."""

import keras

from sslkeras.encoders.encoder import Encoder, as_encoder
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, Real, Text
from sslkeras.layers.log_spectrogram import FitLength, LogSpectrogram, check_frames


class Spectrogram(Encoder):
    """A trunk of images that looks at the log-spectrogram of a sound; gives what the trunk gives.

    The trunk takes waveforms `(samples,)` in [-1, 1]. The spectrogram, frequency x time x 1, is
    a layer inside, so that it is the same wherever the encoder goes. The trunk is made for the
    length that training shows; of longer sounds the middle is heard, shorter ones get silence at
    both ends.

    Frames are given in samples. The defaults are those of Arandjelovic and Zisserman (2018) for
    48 kHz: 10 ms every 5 ms.

    Args:
        trunk: An encoder of images in the `name(key=value)` notation. Defaults to "l3net".
        frame_length: Samples in a frame of the spectrogram.
        frame_step: Samples from one frame to the next.
        fft_length: Length of the transform.
        pad_end: Whether a frame begins at every `frame_step`-th sample, also near the end.
        log_floor: Added before the logarithm, > 0.

    Raises:
        ConfigurationError: If an argument is out of range; when the encoder is built, if
            examples are no waveforms of a known length, or too short for a frame.
    """

    hyperparameters = {
        "trunk": Text("the name of an encoder"),
        "frame_length": Integer(1, unit="samples"),
        "frame_step": Integer(1, unit="samples"),
        "fft_length": Integer(1, unit="samples"),
        "pad_end": Boolean(),
        "log_floor": Real(0, closed="neither"),
    }

    def __init__(
        self,
        trunk="l3net",
        *,
        frame_length=480,
        frame_step=240,
        fft_length=512,
        pad_end=True,
        log_floor=1e-6,
    ):
        super().__init__(
            trunk=trunk,
            frame_length=frame_length,
            frame_step=frame_step,
            fft_length=fft_length,
            pad_end=pad_end,
            log_floor=log_floor,
        )
        check_frames("Spectrogram", self.frame_length, self.frame_step, self.fft_length)

    def build(self, input_shape):
        return behind_spectrogram(
            as_encoder(self.trunk),
            input_shape,
            frame_length=self.frame_length,
            frame_step=self.frame_step,
            fft_length=self.fft_length,
            pad_end=self.pad_end,
            floor=self.log_floor,
        )


def behind_spectrogram(trunk, input_shape, name="encoder", **settings) -> keras.Model:
    """A trunk of images behind a log-spectrogram, as one model of waveforms of any length.

    Args:
        trunk: Factory of the trunk, `trunk(shape, name=...) -> keras.Model`.
        input_shape: `(samples,)`: the length that the trunk is made for.
        name: Of the model; the trunk within is called that with "_trunk".
        **settings: Arguments of `LogSpectrogram`.

    Raises:
        ConfigurationError: If `input_shape` is no known number of samples, or less than a frame.
    """
    if len(input_shape) != 1 or input_shape[0] is None:
        raise ConfigurationError(
            "An encoder of sounds takes waveforms (samples,) of a known length. Received: "
            f"{tuple(input_shape)}. Choose a dataset with 'waveform', or another encoder."
        )
    waveform = keras.Input((None,), name="waveform")
    sound = FitLength(input_shape[0], name="fit_length")(waveform)
    image = LogSpectrogram(**settings, name="log_spectrogram")(sound)
    features = trunk(tuple(image.shape[1:]), name=f"{name}_trunk")(image)
    return keras.Model(waveform, features, name=name)
