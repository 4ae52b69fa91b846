"""What an encoder is: a trunk that tasks train, probes judge and users keep."""

import abc
import contextlib
import contextvars
import weakref

import keras

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Configurable

_built = contextvars.ContextVar("trunks that are being collected", default=None)


@contextlib.contextmanager
def collected_trunks():
    """Gives a list to which every trunk that an encoder builds meanwhile is added, in order."""
    token = _built.set([])
    try:
        yield _built.get()
    finally:
        _built.reset(token)


class Encoder(Configurable, abc.ABC):
    """A recipe for a trunk: called with an input shape, it builds a fresh `keras.Model`.

    The model takes the raw feature as datasets give it (images are float32 in [0, 1]);
    any normalisation is a layer inside. It returns a map `(batch, height, width,
    channels)` or a vector `(batch, features)`: heads use `sslkeras.layers.as_vector`
    and `as_map`, so an image trunk leaves pooling to them. A trunk of clips `(time, height,
    width, channels)` returns either with a time axis after the batch.
    """

    @abc.abstractmethod
    def build(self, input_shape: tuple) -> keras.Model:
        """Builds the trunk for one example of `input_shape`, e.g. (28, 28, 1)."""

    def for_dataset(self, data) -> "Encoder":
        """This recipe with what it left to the dataset filled in, such as the vocabulary.

        Tasks whose trunk depends on more of the data than a shape call it; by default
        nothing is left open.
        """
        return self

    def __call__(self, input_shape, name="encoder") -> keras.Model:
        """Builds the trunk as one model called `name`."""
        trunk = named_model(self.build(tuple(input_shape)), name)
        if (collected := _built.get()) is not None:
            collected.append(trunk)
        return trunk


class FunctionEncoder(Encoder):
    """A user's own function `input_shape -> keras.Model` as an encoder.

    A function that returns the same model each time (`lambda shape: model`) gives a copy
    from the second time on, with the weights the model had at first: tasks that need two
    trunks, and baselines that need an untrained one, get them.

    Raises:
        ConfigurationError: When called, if the function returns no model, or one for inputs
            of another shape.
    """

    def __init__(self, function):
        super().__init__()
        self.function = function
        self._first = lambda: None
        self._first_weights = None

    def build(self, input_shape):
        model = self._fresh(self._call(input_shape))
        found = tuple(model.input_shape[1:])
        if len(found) != len(input_shape) or any(
            have is not None and want is not None and have != want
            for have, want in zip(found, input_shape, strict=True)
        ):
            raise ConfigurationError(
                f"An encoder function must return a model for inputs of {input_shape}. Received: "
                f"a model for {found} from {self.function!r}. Resize the data, or the model."
            )
        return model

    def _fresh(self, model):
        if model is not self._first():
            self._first, self._first_weights = weakref.ref(model), model.get_weights()
            return model
        copy = keras.models.clone_model(model)
        copy.set_weights(self._first_weights)
        return copy

    def _call(self, input_shape):
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


def check_activation(encoder):
    """Raises `ConfigurationError` if Keras does not know `encoder.activation`."""
    try:
        keras.activations.get(encoder.activation)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"`activation` of {type(encoder).__name__} must be the name of a Keras activation. "
            f"Received: activation={encoder.activation!r}. Choose one such as 'relu' or 'tanh'."
        ) from error


def check_image(owner, input_shape, least_side=1):
    """Raises `ConfigurationError` if `input_shape` is not that of a large enough image.

    Args:
        owner: Name of the encoder, for the message.
        input_shape: Shape of one example; sides may be None.
        least_side: Least height and width in pixels.
    """
    if len(input_shape) != 3 or input_shape[-1] is None:
        raise ConfigurationError(
            f"{owner} takes images (height, width, channels). Received: {tuple(input_shape)}. "
            "Choose another encoder."
        )
    if any(side is not None and side < least_side for side in input_shape[:2]):
        raise ConfigurationError(
            f"{owner} takes images of at least {least_side} x {least_side} pixels. Received: "
            f"{tuple(input_shape)}. Choose larger images or a smaller encoder."
        )


def check_clip(owner, input_shape, least_side=1):
    """Raises `ConfigurationError` if `input_shape` is not that of a clip of large enough frames.

    Args:
        owner: Name of the encoder, for the message.
        input_shape: Shape of one example; the time and the sides may be None.
        least_side: Least height and width in pixels.
    """
    if len(input_shape) != 4 or input_shape[-1] is None:
        raise ConfigurationError(
            f"{owner} takes clips (time, height, width, channels). Received: "
            f"{tuple(input_shape)}. Choose another encoder, or a task of clips."
        )
    if any(side is not None and side < least_side for side in input_shape[1:3]):
        raise ConfigurationError(
            f"{owner} takes frames of at least {least_side} x {least_side} pixels. Received: "
            f"{tuple(input_shape)}. Choose larger frames or a smaller encoder."
        )
