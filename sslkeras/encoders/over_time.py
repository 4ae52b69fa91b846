"""A network of images on every frame of a clip."""

import keras

from sslkeras.encoders.encoder import Encoder, as_encoder, check_clip
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Choice, Optional, Text
from sslkeras.layers.features import as_vector
from sslkeras.layers.folding import apply_to_frames


class OverTime(Encoder):
    """Any encoder of images on each frame of a clip, the same at all times.

    The trunk takes float32 clips in [0, 1] `(batch, time, height, width, channels)` of any
    length and returns what the encoder gives for each frame, `(batch, time, ...)`. Frames of
    all clips pass it as one batch. No frame sees another or its place in the clip. In the
    trunk the encoder is the layer "frame".

    Args:
        encoder: An encoder of images in the `name(key=value)` notation. Defaults to "convnet".
        pooling: "mean", "max" or "flatten" to make a vector of each frame's map; None to keep
            the maps.

    Raises:
        ConfigurationError: If there is no such encoder, or `pooling` is unknown; when the trunk
            is built, if it is built for anything but clips, or the encoder does not take images.
    """

    hyperparameters = {
        "encoder": Text("an encoder in the name(key=value) notation"),
        "pooling": Optional(Choice("mean", "max", "flatten"), "maps are kept"),
    }

    def __init__(self, encoder="convnet", *, pooling=None):
        super().__init__(encoder=encoder, pooling=pooling)
        self._of_frames = as_encoder(self.encoder)

    def build(self, input_shape):
        check_clip("OverTime", input_shape)
        clips = keras.Input(input_shape)
        frame = self._of_frames(input_shape[1:], name="frame")
        if frame.output.shape.rank not in (2, 4):
            raise ConfigurationError(
                "`encoder` of OverTime must give a map or a vector of an image. Received: "
                f"{frame.output.shape} from {self.encoder!r}. Choose another encoder."
            )
        if self.pooling is not None:
            frame = keras.Model(frame.input, as_vector(frame.output, self.pooling), name="frame")
        return keras.Model(clips, apply_to_frames(frame, clips))
