"""Autoencoder.

G. E. Hinton, R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural
Networks", Science 313:504-507, 2006, https://doi.org/10.1126/science.1127647 (form="mlp").
J. Masci, U. Meier, D. Ciresan, J. Schmidhuber, "Stacked Convolutional Auto-Encoders for
Hierarchical Feature Extraction", ICANN 2011 (form="conv").
"""

import math

import keras
import tensorflow as tf

from sslkeras import Stage, Task
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, check_argument
from sslkeras.layers.stop_gradient import StopGradient
from sslkeras.losses.reconstruction import SummedBinaryCrossentropy, SummedSquaredError
from sslkeras_autoencoding.bottleneck import bottleneck_encoders, bottleneck_model
from sslkeras_autoencoding.inner_reconstruction import InnerReconstruction
from sslkeras_autoencoding.mean_image_error import MeanImageError
from sslkeras_autoencoding.squared_error import SquaredError
from sslkeras_autoencoding.unit_range import check_first_batches, require_unit_range

HIDDEN_SIZES = (1000, 500, 250)  # The paper's network for MNIST.
DECODER_FILTERS = (32, 16)
GREEDY_EPOCHS = 5


class Autoencoder(Task):
    """Reproduces the image from a code that is narrower than the image.

    Nothing is withheld from the input; capacity is. What passes the code must be what
    most images share, so code and trunk describe images. For pixels x and logits a,
    z = sigmoid(a), an image costs

        bce:  sum_j -x_j log z_j - (1 - x_j) log(1 - z_j)
        sse:  sum_j (x_j - a_j)^2

    The identity is ruled out by `code_dim` < number of pixels. The other trivial answer,
    the mean image for every input, costs the logged `mean_image_error`.

    The encoder ends in the code; `encoders` also gives the layer before it, "trunk".

    Args:
        form: "conv": any trunk, a dense code and transposed convolutions. "mlp": the
            paper's logistic layers; the trunk of the run is then not used.
        hidden_sizes: Widths of the "mlp" encoder before the code; None for the paper's
            1000, 500, 250. Only with form="mlp".
        code_dim: Width of the code, less than the number of pixels times channels.
        allow_overcomplete: Lifts that bound.
        code_activation: "linear" (the paper's), "sigmoid" or "relu".
        loss: "bce" (the paper's, pixels in [0, 1]) or "sse".
        pretrain: "none", or "greedy": first each layer alone reconstructs the output of
            the layers below, which stay as they are, then all are trained together. Only
            with form="mlp". The decoders found on the way are kept.
        greedy_epochs: Epochs for each layer; None for 5. Only with pretrain="greedy".
        tied_init: Whether "mlp" decoder weights start as transposes of the encoder's, as
            in the paper; from there on they are free.
        decoder_filters: Maps that enter each transposed convolution of stride 2; None for
            32, 16. Only with form="conv".

    Raises:
        ConfigurationError: If an argument is out of range or belongs to the other form.
    """

    random_pretext = False
    # Withheld is capacity.
    targets_in_inputs = "all"
    hyperparameters = {
        "form": Choice("conv", "mlp"),
        "hidden_sizes": Optional(ListOf(Integer(1), min_length=1), "1000, 500, 250"),
        "code_dim": Integer(1),
        "allow_overcomplete": Boolean(),
        "code_activation": Choice("linear", "sigmoid", "relu"),
        "loss": Choice("bce", "sse"),
        "pretrain": Choice("none", "greedy"),
        "greedy_epochs": Optional(Integer(1), "5"),
        "tied_init": Boolean(),
        "decoder_filters": Optional(ListOf(Integer(1), min_length=1), "32, 16"),
    }

    def __init__(
        self,
        *,
        form="conv",
        hidden_sizes=None,
        code_dim=30,
        allow_overcomplete=False,
        code_activation="linear",
        loss="bce",
        pretrain="none",
        greedy_epochs=None,
        tied_init=True,
        decoder_filters=None,
    ):
        if pretrain == "rbm":
            raise ConfigurationError(
                "`pretrain` of Autoencoder must be 'none' or 'greedy': restricted Boltzmann "
                "machines are not offered. Received: pretrain='rbm'. Use pretrain='greedy'."
            )
        super().__init__(
            form=form,
            hidden_sizes=hidden_sizes,
            code_dim=code_dim,
            allow_overcomplete=allow_overcomplete,
            code_activation=code_activation,
            pretrain=pretrain,
            greedy_epochs=greedy_epochs,
            tied_init=tied_init,
            decoder_filters=decoder_filters,
        )
        # `loss` is a method of tasks, so the argument lives under another name.
        self.loss_name = check_argument("Autoencoder", "loss", loss, self.hyperparameters["loss"])
        for name, needs in (
            ("hidden_sizes", ("form", "mlp")),
            ("decoder_filters", ("form", "conv")),
            ("greedy_epochs", ("pretrain", "greedy")),
        ):
            if getattr(self, name) is not None and getattr(self, needs[0]) != needs[1]:
                raise ConfigurationError(
                    f"`{name}` of Autoencoder must be left out unless {needs[0]}={needs[1]!r}. "
                    f"Received: {name}={getattr(self, name)!r} with "
                    f"{needs[0]}={getattr(self, needs[0])!r}."
                )
        if self.pretrain == "greedy" and self.form != "mlp":
            raise ConfigurationError(
                "`pretrain='greedy'` of Autoencoder needs form='mlp', whose layers it knows. "
                f"Received: form={self.form!r}."
            )

    def get_config(self):
        return {**super().get_config(), "loss": self.loss_name}

    def pretext(self, batch, seed):
        """Gives the image as input and as target; nothing is random."""
        image = batch["image"]
        if self.loss_name == "bce":
            image = require_unit_range(image, "loss='bce'")
        return image, image

    def adapt(self, model, batches):
        """Fits nothing; refuses pixels that the loss cannot take before the first step."""
        if self.loss_name == "bce":
            check_first_batches(batches, "loss='bce'")

    def build_model(self, inputs, encoder, data):
        """Builds image -> "encoder" -> "decoder" -> logits (bce) or pixels (sse).

        Raises:
            ConfigurationError: If the code is not narrower than the image.
        """
        shape = tuple(inputs.shape[1:])
        if self.code_dim >= math.prod(shape) and not self.allow_overcomplete:
            raise ConfigurationError(
                "`code_dim` of Autoencoder must be less than the number of pixels times channels, "
                f"or the identity is the answer. Received: code_dim={self.code_dim} for images "
                f"{shape}. Choose a smaller code or allow_overcomplete=True."
            )
        if self.form == "conv":
            return bottleneck_model(
                shape,
                encoder(shape),
                code_dim=self.code_dim,
                code_activation=self.code_activation,
                decoder_filters=self.decoder_filters or DECODER_FILTERS,
                name="autoencoder",
            )
        return self._build_mlp(shape)

    def loss(self):
        if self.loss_name == "bce":
            return SummedBinaryCrossentropy(name="bce")
        return SummedSquaredError(name="sse")

    def metrics(self):
        return [SquaredError(from_logits=self.loss_name == "bce"), MeanImageError()]

    def stages(self, model):
        """One fit, or with pretrain="greedy" one for each layer and one for the whole."""
        if self.pretrain == "none":
            return super().stages(model)
        chain = _encoding_layers(model)
        stages = []
        for index, layer in enumerate(chain):
            image = keras.Input(model.input_shape[1:], name="image")
            below = keras.layers.Flatten()(image)
            for lower in chain[:index]:
                below = lower(below)
            below = StopGradient()(below)
            decode = model.get_layer("decoder").get_layer(f"decode{index + 1}")
            # float32: the half precision of a policy would round the logits.
            pair = keras.layers.Concatenate(dtype="float32")([decode(layer(below)), below])
            # Above the pixels the targets are logistic units, which lie in (0, 1).
            inner = self.loss() if index == 0 else SummedBinaryCrossentropy()
            stages.append(
                Stage(
                    f"layer{index + 1}",
                    keras.Model(image, pair, name=f"layer{index + 1}"),
                    loss=InnerReconstruction(inner),
                    metrics=[],
                    epochs=self.greedy_epochs or GREEDY_EPOCHS,
                )
            )
        return [*stages, Stage("unrolled", model)]

    def encoders(self, model):
        return bottleneck_encoders(model)

    def encoder_reads(self):
        return {"encoder": "image", "trunk": "image"}

    def draw(self, inputs, targets, predictions):
        """The images and what came back through the code."""
        answer = tf.sigmoid(predictions) if self.loss_name == "bce" else predictions
        return {
            "image": tf.clip_by_value(tf.cast(targets, tf.float32), 0.0, 1.0),
            "reconstruction": tf.clip_by_value(tf.cast(answer, tf.float32), 0.0, 1.0),
        }

    def _build_mlp(self, shape):
        sizes = self.hidden_sizes or HIDDEN_SIZES
        image = keras.Input(shape, name="image")
        hidden = keras.layers.Flatten(name="flatten")(image)
        for number, size in enumerate(sizes, start=1):
            hidden = keras.layers.Dense(size, activation="sigmoid", name=f"hidden{number}")(hidden)
        trunk = keras.Model(image, hidden, name="trunk")
        image = keras.Input(shape, name="image")
        code = keras.layers.Dense(self.code_dim, activation=self.code_activation, name="code")
        encoder = keras.Model(image, code(trunk(image)), name="encoder")

        back = keras.Input((self.code_dim,), name="code")
        values = back
        # decode{k} undoes the k-th layer of the encoder; its sigmoid is a layer of its
        # own, as the greedy stages take the logits.
        for number, size in reversed(list(enumerate(sizes, start=2))):
            values = keras.layers.Dense(size, name=f"decode{number}")(values)
            values = keras.layers.Activation("sigmoid", name=f"logistic{number}")(values)
        values = keras.layers.Dense(math.prod(shape), dtype="float32", name="decode1")(values)
        values = keras.layers.Reshape(shape, dtype="float32", name="pixels")(values)
        decoder = keras.Model(back, values, name="decoder")

        image = keras.Input(shape, name="image")
        model = keras.Model(image, decoder(encoder(image)), name="autoencoder")
        if self.tied_init:
            for number, layer in enumerate(_encoding_layers(model), start=1):
                start = tf.transpose(tf.convert_to_tensor(layer.kernel))
                decoder.get_layer(f"decode{number}").kernel.assign(start)
        return model


def _encoding_layers(model):
    """The dense layers of an "mlp" encoder from the pixels to the code."""
    encoder = model.get_layer("encoder")
    hidden = [layer for layer in encoder.get_layer("trunk").layers if "hidden" in layer.name]
    return [*hidden, encoder.get_layer("code")]
