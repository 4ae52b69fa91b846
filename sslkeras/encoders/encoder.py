"""What an encoder is: a trunk that tasks train, probes judge and users keep."""

import abc

import keras

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Configurable


class Encoder(Configurable, abc.ABC):
    """A recipe for a trunk: called with an input shape, it builds a fresh `keras.Model`.

    The model takes the raw feature as datasets give it (images are float32 in [0, 1]);
    any normalisation is a layer inside. It returns a map `(batch, height, width,
    channels)` or a vector `(batch, features)`: heads use `sslkeras.layers.as_vector`
    and `as_map`, so an image trunk leaves pooling to them.
    """

    @abc.abstractmethod
    def build(self, input_shape: tuple) -> keras.Model:
        """Builds the trunk for one example of `input_shape`, e.g. (28, 28, 1)."""

    def __call__(self, input_shape, name="encoder") -> keras.Model:
        """Builds the trunk as one model called `name`."""
        return named_model(self.build(tuple(input_shape)), name)


class FunctionEncoder(Encoder):
    """A user's own function `input_shape -> keras.Model` as an encoder."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def build(self, input_shape):
        model = self.function(input_shape)
        if not isinstance(model, keras.Model):
            raise ConfigurationError(
                "An encoder function must return a keras.Model. Received: "
                f"{type(model).__name__} from {self.function!r}."
            )
        if not model.built or not model.inputs:
            inputs = keras.Input(input_shape)
            model = keras.Model(inputs, model(inputs))
        return model


def as_encoder(given) -> Encoder:
    """`given` as an `Encoder`: itself, a name, or a function `input_shape -> keras.Model`."""
    from sslkeras import registry

    if isinstance(given, Encoder):
        return given
    if isinstance(given, str):
        return registry.encoders.create(given)
    if callable(given) and not isinstance(given, keras.layers.Layer):
        return FunctionEncoder(given)
    raise ConfigurationError(
        "An encoder must be a name, an sslkeras.encoders.Encoder, or a function from input shape "
        f"to keras.Model. Received: {type(given).__name__}. Wrap a model as `lambda shape: model`."
    )


def named_model(model: keras.Model, name: str) -> keras.Model:
    """The functional `model` under another name, sharing its layers."""
    if model.name == name:
        return model
    return keras.Model(model.input, model.output, name=name)
