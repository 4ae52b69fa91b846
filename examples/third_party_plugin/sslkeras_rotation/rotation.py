"""Rotation prediction (RotNet).

S. Gidaris, P. Singh, N. Komodakis, "Unsupervised Representation Learning by Predicting
Image Rotations", ICLR 2018, https://arxiv.org/abs/1803.07728.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Integer, ListOf
from sslkeras.layers import as_vector
from sslkeras_rotation.views import FoldViews, UnfoldViews


class Rotation(Task):
    """Tells by how many quarter turns each view of an image was rotated.

    Withheld is which way up the image stands. To name it, the encoder must know what
    things in images look like. With K turns an image costs (eq. 2 of the paper)

        loss = -1/K * sum_k log softmax(logits of the view turned k)[k]

    All turns of an image are in one batch, as in the paper (section 3.1), so that a batch
    of B images is B * K views for the encoder. Only quarter turns are used: they move
    pixels without interpolating, so that no blur gives the turn away (section 2.2).
    Images must be square, as the shape of others would give it away.

    Args:
        quarter_turns: Two or more different numbers of 90 degrees counter-clockwise.
            Defaults to all four, as in the paper.

    Raises:
        ConfigurationError: If `quarter_turns` is out of range or has a number twice.
    """

    hyperparameters = {"quarter_turns": ListOf(Integer(0, 3), min_length=2)}
    reads = {"image": (2, 2, 1)}
    random_pretext = False
    xla = True

    def __init__(self, *, quarter_turns=(0, 1, 2, 3)):
        super().__init__(quarter_turns=quarter_turns)
        if len(set(self.quarter_turns)) < len(self.quarter_turns):
            raise ConfigurationError(
                "`quarter_turns` of Rotation must differ. Received: "
                f"quarter_turns={self.quarter_turns}. Name each once."
            )

    def check(self, split):
        """Raises `DataError` also where the images are not square."""
        super().check(split)
        _refuse_oblong(split.features["image"].shape[-3:-1])

    def pretext(self, batch, seed):
        """Turns each image by each of `quarter_turns`; nothing in it is random.

        Returns:
            Views `(batch, turns, side, side, channels)`, and int32 `(batch, turns)`: each
            view's place in `quarter_turns`.
        """
        image = batch["image"]
        _refuse_oblong(image.shape[1:3])
        views = tf.stack([tf.image.rot90(image, turns) for turns in self.quarter_turns], axis=1)
        places = tf.range(len(self.quarter_turns))
        return views, tf.tile(places[tf.newaxis], [tf.shape(image)[0], 1])

    def build_model(self, inputs, encoder, data):
        """Builds views -> "encoder" -> logits `(batch, turns, turns)`."""
        num_turns = len(self.quarter_turns)
        shape = tuple(inputs.shape[1:])
        views = keras.Input(shape, name="views")
        features = encoder(shape[1:])(FoldViews(name="fold")(views))
        # float32, whatever precision the trunk computes in.
        head = keras.layers.Dense(num_turns, dtype="float32", name="turns")
        logits = UnfoldViews(num_turns, dtype="float32", name="unfold")(head(as_vector(features)))
        return keras.Model(views, logits, name="rotation")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("accuracy")]

    def draw(self, inputs, targets, predictions):
        """All views of an image beside their turns and the answers, for `sslkeras show`."""
        return {
            "turned": inputs,
            "by": self._degrees(targets),
            "answered": self._degrees(tf.argmax(predictions, axis=-1)),
        }

    def _degrees(self, places):
        return [
            ", ".join(str(90 * self.quarter_turns[int(place)]) for place in views)
            for views in places
        ]


def _refuse_oblong(size):
    height, width = size
    if height != width or height is None:
        received = " x ".join("unknown" if side is None else str(side) for side in (height, width))
        raise DataError(
            "Rotation needs square images of one size: the shape of others would tell the turn. "
            f"Received: {received}. Crop or resize them first."
        )
