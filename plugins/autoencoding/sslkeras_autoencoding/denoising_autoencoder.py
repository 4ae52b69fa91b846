"""Denoising autoencoder.

P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and Composing Robust
Features with Denoising Autoencoders", ICML 2008, pp. 1096-1103 (masking noise).
P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol, "Stacked Denoising
Autoencoders: Learning Useful Representations in a Deep Network with a Local Denoising
Criterion", JMLR 11:3371-3408, 2010 (the other noises, squared error, emphasis).
"""

import math

import keras
import tensorflow as tf

from sslkeras import Stage, Task
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    Boolean,
    Choice,
    Integer,
    ListOf,
    Optional,
    Real,
    check_argument,
)
from sslkeras.layers.stop_gradient import StopGradient
from sslkeras.losses.reconstruction import SummedBinaryCrossentropy, SummedSquaredError
from sslkeras_autoencoding import corruption as noises
from sslkeras_autoencoding.bias import Bias
from sslkeras_autoencoding.bottleneck import bottleneck_encoders, bottleneck_model
from sslkeras_autoencoding.inner_reconstruction import InnerReconstruction
from sslkeras_autoencoding.reversible_dense import ReversibleDense
from sslkeras_autoencoding.squared_error import SquaredError
from sslkeras_autoencoding.unit_range import check_first_batches, require_unit_range

# What an argument left out (None) stands for. The stack is the public tutorial's.
LEVEL = 0.25
SIGMA = 0.3
BASIC_SIZES = (500,)
STACKED_SIZES = (1000, 1000, 1000)
LAYER_LEVELS = (0.1, 0.2, 0.3)
LAYER_EPOCHS = 15
WEIGHT_SCALE = 4.0  # The tutorial's, for logistic units.
CODE_DIM = 128
DECODER_FILTERS = (32, 16)


class DenoisingAutoencoder(Task):
    """Restores the clean image from one whose components were damaged at random.

    Withheld are single components of the image. To fill them in, the network must know
    how components depend on each other; the identity is no answer even for a wide
    hidden layer. With the terms l_j of the loss at component j,

        loss = alpha * sum_{j corrupted} l_j + beta * sum_{j not corrupted} l_j

    The noise is drawn afresh at each visit. The target is never corrupted, and neither
    is what the encoder sees when its features are used.

    Stacked, layer k is trained to undo the corruption of the clean output of the layers
    below, which stay as they are. The whole model then runs through all layers and all
    decoders; only `encoders` matters of it, as the method throws the decoders away.

    Args:
        form: "conv": any trunk, a code and transposed convolutions. "mlp": the paper's
            single logistic layer (or the stack); the trunk of the run is then not used.
            None for "mlp" if `stacked`, else "conv".
        corruption: "masking" (set to 0), "salt_and_pepper" (set to the least or greatest
            value by a fair coin) or "gaussian" (added to all, not clipped).
        corruption_level: Fraction v of components; None for 0.25. Not with "gaussian"
            and not with `stacked`.
        sigma: Standard deviation; None for 0.3. Only with "gaussian".
        exact_count: Whether exactly `round(v * components)` are corrupted, as in the
            paper, or each by itself with probability v.
        per_pixel: Whether all channels of a pixel are corrupted together and alike. Not
            with "gaussian" and not with `stacked`.
        value_range: Least and greatest value of salt-and-pepper noise; None for (0, 1),
            and then pixels outside [0, 1] are refused with that noise.
        loss: "bce" (logistic output, pixels in [0, 1]) or "sse" (linear output). Upper
            layers of a stack predict logistic units and always use "bce".
        alpha: Weight of corrupted components.
        beta: Weight of the others. (1, 0.5) is the journal's double emphasis, (1, 0) its
            full emphasis. Both must be 1 with "gaussian", which spares no component.
        stacked: Whether layers are trained one after another.
        hidden_sizes: Widths of the logistic layers; None for 500, or 1000, 1000, 1000 if
            stacked. One width unless stacked. Not with form="conv".
        layer_corruption: v for each layer; None for 0.1, 0.2, 0.3. Only with `stacked`
            and not with "gaussian".
        layer_epochs: Epochs for each layer; None for 15. Only with `stacked`.
        tied: Whether decoders are the transposes of encoders. Not with form="conv".
        weight_scale: Logistic layers start in U(-s r, s r), r = sqrt(6 / (fan_in +
            fan_out)); None for the tutorial's s = 4; s = 1 is Keras's default. Not with
            form="conv".
        code_dim: Width of the code; None for 128. Only with form="conv".
        decoder_filters: Maps that enter each transposed convolution; None for 32, 16.
            Only with form="conv".

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another.
    """

    hyperparameters = {
        "form": Optional(Choice("conv", "mlp"), "'mlp' if stacked, else 'conv'"),
        "corruption": Choice("masking", "salt_and_pepper", "gaussian"),
        "corruption_level": Optional(Real(0, 1, closed="left"), "0.25"),
        "sigma": Optional(Real(0, closed="neither"), "0.3"),
        "exact_count": Boolean(),
        "per_pixel": Boolean(),
        "value_range": Optional(ListOf(Real(), length=2, increasing=True), "(0, 1)"),
        "loss": Choice("bce", "sse"),
        "alpha": Real(0),
        "beta": Real(0),
        "stacked": Boolean(),
        "hidden_sizes": Optional(ListOf(Integer(1), min_length=1), "500; stacked 3 times 1000"),
        "layer_corruption": Optional(ListOf(Real(0, 1, closed="left")), "0.1, 0.2, 0.3"),
        "layer_epochs": Optional(Integer(1), "15"),
        "tied": Optional(Boolean(), "True"),
        "weight_scale": Optional(Real(0, closed="neither"), "4"),
        "code_dim": Optional(Integer(1), "128"),
        "decoder_filters": Optional(ListOf(Integer(1), min_length=1), "32, 16"),
    }

    def __init__(
        self,
        *,
        form=None,
        corruption="masking",
        corruption_level=None,
        sigma=None,
        exact_count=True,
        per_pixel=False,
        value_range=None,
        loss="bce",
        alpha=1.0,
        beta=1.0,
        stacked=False,
        hidden_sizes=None,
        layer_corruption=None,
        layer_epochs=None,
        tied=None,
        weight_scale=None,
        code_dim=None,
        decoder_filters=None,
    ):
        super().__init__(
            form=form,
            corruption=corruption,
            corruption_level=corruption_level,
            sigma=sigma,
            exact_count=exact_count,
            per_pixel=per_pixel,
            value_range=value_range,
            alpha=alpha,
            beta=beta,
            stacked=stacked,
            hidden_sizes=hidden_sizes,
            layer_corruption=layer_corruption,
            layer_epochs=layer_epochs,
            tied=tied,
            weight_scale=weight_scale,
            code_dim=code_dim,
            decoder_filters=decoder_filters,
        )
        # `loss` is a method of tasks, so the argument lives under another name.
        self.loss_name = check_argument(
            "DenoisingAutoencoder", "loss", loss, self.hyperparameters["loss"]
        )
        self._is_conv = not stacked and form != "mlp"
        if stacked and form == "conv":
            raise self._refusal("`form` must be 'mlp' or left out with stacked=True", "form")
        is_gaussian = corruption == "gaussian"
        self._only("corruption_level", not is_gaussian and not stacked, "stacked or gaussian")
        self._only("sigma", is_gaussian, "corruption is 'masking' or 'salt_and_pepper'")
        self._only("layer_corruption", stacked and not is_gaussian, "not stacked or gaussian")
        self._only("layer_epochs", stacked, "not stacked")
        self._only("hidden_sizes", not self._is_conv, "form is 'conv'")
        self._only("tied", not self._is_conv, "form is 'conv'")
        self._only("weight_scale", not self._is_conv, "form is 'conv'")
        self._only("code_dim", self._is_conv, "form is not 'conv'")
        self._only("decoder_filters", self._is_conv, "form is not 'conv'")
        if value_range is not None and not value_range[0] < value_range[1]:
            raise self._refusal("`value_range` must be (low, high) with low < high", "value_range")
        if alpha == 0 and beta == 0:
            raise self._refusal("`alpha` and `beta` must not both be 0", "alpha", "beta")
        if is_gaussian and self._emphasised:
            raise self._refusal(
                "`alpha` and `beta` must be 1 with gaussian noise, which spares no component",
                "alpha",
                "beta",
            )
        if per_pixel and (is_gaussian or stacked):
            raise self._refusal(
                "`per_pixel` must be False with gaussian noise or stacked", "per_pixel"
            )
        if not stacked and len(self._sizes) != 1:
            raise self._refusal(
                "`hidden_sizes` must be one width unless stacked=True", "hidden_sizes"
            )
        if stacked and not is_gaussian and len(self._levels) != len(self._sizes):
            raise self._refusal(
                "`layer_corruption` must have one level for each of `hidden_sizes`, here "
                f"{len(self._sizes)}",
                "layer_corruption",
                "hidden_sizes",
            )
        if stacked:
            # The clean image goes in: the model corrupts what comes out of the layers below.
            self.targets_in_inputs = "all"
        if not self._is_conv:
            # Images or vectors.
            self.reads = {"image": None}

    def get_config(self):
        return {**super().get_config(), "loss": self.loss_name}

    def pretext(self, batch, seed):
        """Corrupts the images.

        Returns:
            The corrupted images and the clean ones; with emphasis the targets have twice
            the channels: the clean image, then 1 where a component was corrupted.

        Raises:
            ConfigurationError: If `per_pixel` is asked of vectors.
        """
        clean = self._checked(batch["image"])
        shape = clean.shape[1:]
        if self.per_pixel and shape.rank != 3:
            raise ConfigurationError(
                "`per_pixel` of DenoisingAutoencoder needs images (height, width, channels). "
                f"Received: examples of shape {shape}. Use per_pixel=False."
            )
        drawn = [*shape[:-1], 1] if self.per_pixel else list(shape)
        size = tf.shape(clean)[0]
        keep, noise = self._draw(seed, (size, math.prod(drawn)), layer=0)
        keep, noise = (
            tf.broadcast_to(tf.reshape(part, [size, *drawn]), tf.shape(clean))
            for part in (keep, noise)
        )
        targets = tf.concat([clean, 1.0 - keep], axis=-1) if self._emphasised else clean
        return clean * keep + noise, targets

    def adapt(self, model, batches):
        """Fits nothing; refuses pixels out of range before the first step."""
        if self._needs_unit_range:
            check_first_batches(batches, self._needs_unit_range)

    def build_model(self, inputs, encoder, data):
        """Builds corrupted image -> logits (bce) or pixels (sse) of the clean one.

        form="conv" holds the nested models "encoder" and "decoder". The logistic layers
        are "hidden1", "hidden2", ..., and the output of the encoder is the layer "code".
        """
        shape = tuple(inputs.shape[1:])
        if self._is_conv:
            return bottleneck_model(
                shape,
                encoder(shape),
                code_dim=self.code_dim or CODE_DIM,
                code_activation="linear",
                decoder_filters=self.decoder_filters or DECODER_FILTERS,
                name="denoising_autoencoder",
            )
        # Flat, not nested: a tied layer is called on the way up and on the way down, and
        # .keras files keep a layer shared only within one graph.
        image = keras.Input(shape, name="image")
        values = keras.layers.Flatten(name="flatten")(image)
        widths = [values.shape[-1], *self._sizes]
        layers = []
        for number, size in enumerate(self._sizes, start=1):
            layers.append(self._logistic_layer(size, number))
            values = layers[-1](values)
            name = "code" if number == len(self._sizes) else f"logistic{number}"
            values = keras.layers.Activation("sigmoid", name=name)(values)
        for number in reversed(range(1, len(widths))):
            if number < len(self._sizes):
                values = keras.layers.Activation("sigmoid", name=f"restored{number}")(values)
            name = f"decode{number}"
            if self._tied:
                values = Bias(name=name)(layers[number - 1](values, reverse=True))
            else:
                decode = keras.layers.Dense(
                    widths[number - 1], kernel_initializer=self._start(), name=name
                )
                values = decode(values)
        values = keras.layers.Reshape(shape, dtype="float32", name="pixels")(values)
        return keras.Model(image, values, name="denoising_autoencoder")

    def loss(self):
        if self.loss_name == "bce":
            return SummedBinaryCrossentropy(alpha=self.alpha, beta=self.beta, name="bce")
        return SummedSquaredError(alpha=self.alpha, beta=self.beta, name="sse")

    def metrics(self):
        return [SquaredError(from_logits=self.loss_name == "bce")]

    def stages(self, model):
        """One fit, or stacked one for each layer."""
        if not self.stacked:
            return super().stages(model)
        return [self._layer_stage(model, index) for index in range(len(self._sizes))]

    def encoders(self, model):
        if self._is_conv:
            return bottleneck_encoders(model)
        code = model.get_layer("code").get_output_at(0)
        return {"encoder": keras.Model(model.inputs[0], code, name="encoder")}

    def encoder_reads(self):
        return dict.fromkeys(["encoder", "trunk"] if self._is_conv else ["encoder"], "image")

    def draw(self, inputs, targets, predictions):
        """The clean image, the corrupted one and what was made of it; nothing for vectors."""
        if predictions.shape.rank != 4:
            return {}
        answer = tf.sigmoid(predictions) if self.loss_name == "bce" else predictions
        pictures = {
            "clean": targets[..., : predictions.shape[-1]],
            "corrupted": inputs,
            "restored": answer,
        }
        return {
            title: tf.clip_by_value(tf.cast(image, tf.float32), 0.0, 1.0)
            for title, image in pictures.items()
        }

    @property
    def _sizes(self):
        return self.hidden_sizes or (STACKED_SIZES if self.stacked else BASIC_SIZES)

    @property
    def _levels(self):
        if self.stacked:
            return LAYER_LEVELS if self.layer_corruption is None else self.layer_corruption
        return (LEVEL if self.corruption_level is None else self.corruption_level,)

    @property
    def _tied(self):
        return self.tied is not False

    @property
    def _emphasised(self):
        return self.alpha != 1 or self.beta != 1

    @property
    def _needs_unit_range(self):
        """What needs pixels in [0, 1], or None."""
        if self.loss_name == "bce":
            return "loss='bce'"
        if self.corruption == "salt_and_pepper" and self.value_range is None:
            return "corruption='salt_and_pepper' without `value_range`"
        return None

    def _refusal(self, rule, *names):
        received = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return ConfigurationError(f"{rule} (DenoisingAutoencoder). Received: {received}.")

    def _only(self, name, possible, otherwise):
        if getattr(self, name) is not None and not possible:
            raise self._refusal(f"`{name}` must be left out if {otherwise}", name)

    def _checked(self, images):
        why = self._needs_unit_range
        return require_unit_range(images, why) if why else images

    def _draw(self, seed, shape, layer):
        return noises.draw(
            seed,
            shape,
            corruption=self.corruption,
            level=None if self.corruption == "gaussian" else self._levels[layer],
            sigma=SIGMA if self.sigma is None else self.sigma,
            # Logistic units lie in (0, 1), whatever the pixels do.
            value_range=self.value_range if self.value_range and layer == 0 else (0.0, 1.0),
            exact_count=self.exact_count,
        )

    def _logistic_layer(self, size, number):
        kind = ReversibleDense if self._tied else keras.layers.Dense
        return kind(size, kernel_initializer=self._start(), name=f"hidden{number}")

    def _start(self):
        # Uniform in +-sqrt(3 s / n), n the mean of both fans: s = scale^2 gives scale * r.
        scale = (WEIGHT_SCALE if self.weight_scale is None else self.weight_scale) ** 2
        return keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")

    def _layer_stage(self, model, index):
        """Trains layer `index`: clean h below -> corrupted -> y -> logits of the clean h."""
        name = f"layer{index + 1}"
        image = keras.Input(model.input_shape[1:], name="image")
        below = keras.layers.Flatten()(image)
        for number in range(1, index + 1):
            below = keras.layers.Activation("sigmoid")(model.get_layer(f"hidden{number}")(below))
        below = StopGradient()(below)
        width = below.shape[-1]
        keep, noise = keras.Input((width,), name="keep"), keras.Input((width,), name="noise")
        corrupted = keras.layers.Add()([keras.layers.Multiply()([below, keep]), noise])
        layer = model.get_layer(f"hidden{index + 1}")
        hidden = keras.layers.Activation("sigmoid")(layer(corrupted))
        logits = layer(hidden, reverse=True) if self._tied else hidden
        logits = model.get_layer(f"decode{index + 1}")(logits)
        parts = [logits, below]
        if self._emphasised:
            parts.append(keras.layers.Rescaling(-1.0, 1.0, name="corrupted")(keep))
        # float32: the half precision of a policy would round the logits.
        output = keras.layers.Concatenate(dtype="float32")(parts)
        inner = SummedBinaryCrossentropy(alpha=self.alpha, beta=self.beta)

        def pretext(batch, seed):
            clean = self._checked(batch["image"])
            keep, noise = self._draw(seed, (tf.shape(clean)[0], width), layer=index)
            return {"image": clean, "keep": keep, "noise": noise}, clean

        return Stage(
            name,
            keras.Model({"image": image, "keep": keep, "noise": noise}, output, name=name),
            pretext=pretext,
            loss=InnerReconstruction(self.loss() if index == 0 else inner),
            metrics=[],
            epochs=self.layer_epochs or LAYER_EPOCHS,
        )
