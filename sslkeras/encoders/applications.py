"""The convolutional networks of keras.applications, with or without ImageNet weights."""

import functools
import inspect
import types

import keras

from sslkeras.encoders.encoder import Encoder, check_image
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Choice, Optional, Text
from sslkeras.notation import suggest


class Applications(Encoder):
    """Any network of keras.applications without its classifier; gives a map.

    The trunk takes float32 images in [0, 1]; the network's own preprocessing is a layer
    inside. Grey images are repeated to three channels. `weights="imagenet"` starts from
    Keras's supervised weights, which are downloaded once.

    Args:
        name: Name in keras.applications, such as "MobileNetV2" or "ResNet50V2".
        weights: "imagenet", or None for random weights. Defaults to None.
        layer: Name of the layer that ends the trunk, as "conv4_block3_out" of "ResNet50". None:
            the last one.

    Raises:
        ConfigurationError: If there is no such network; when the trunk is built, if the
            images are too small for it, have other than 1 or 3 channels, there is no such
            layer that gives a map, or the weights can be neither found nor downloaded.
    """

    hyperparameters = {
        "name": Text("the name of a network in keras.applications"),
        "weights": Optional(Choice("imagenet"), "random weights"),
        "layer": Optional(Text("the name of a layer"), "the last one"),
    }

    def __init__(self, name, *, weights=None, layer=None):
        super().__init__(name=name, weights=weights, layer=layer)
        known = _networks()
        if self.name not in known:
            raise ConfigurationError(
                "`name` of Applications must be a network of keras.applications."
                f"{suggest(self.name, known)} Received: {self.name!r}. There are: "
                f"{', '.join(known)}."
            )

    def build(self, input_shape):
        check_image("Applications", input_shape)
        channels = input_shape[-1]
        if channels not in (1, 3):
            raise ConfigurationError(
                "Networks of keras.applications take images of 1 or 3 channels. Received: "
                f"{input_shape}. Choose another encoder, such as 'resnet18'."
            )
        inputs = keras.Input(input_shape)
        x = inputs if channels == 3 else keras.layers.Concatenate()([inputs] * 3)
        x = ApplicationPreprocessing(_module_of(self.name), name="preprocessing")(x)
        trunk = self._up_to_layer(self._trunk((*input_shape[:2], 3)))
        return keras.Model(inputs, trunk(x))

    def _up_to_layer(self, trunk):
        if self.layer is None:
            return trunk
        maps = [one.name for one in trunk.layers if one.output.shape.rank == 4]
        if self.layer not in maps:
            raise ConfigurationError(
                f"`layer` of Applications must be a layer of {self.name} that gives a map."
                f"{suggest(self.layer, maps)} Received: layer={self.layer!r}. Its last ones are "
                f"{', '.join(maps[-3:])}."
            )
        return keras.Model(trunk.input, trunk.get_layer(self.layer).output, name=trunk.name)

    def _trunk(self, input_shape):
        network = getattr(keras.applications, self.name)
        try:
            return network(include_top=False, weights=self.weights, input_shape=input_shape)
        except ValueError as error:
            raise ConfigurationError(
                f"Images must suit {self.name} of keras.applications. Received: images "
                f"{input_shape} ({error}). Choose larger images or another encoder."
            ) from error
        except Exception as error:  # keras.utils.get_file raises bare exceptions.
            if self.weights is None:
                raise
            raise ConfigurationError(
                f"The ImageNet weights of {self.name} must be cached or downloadable. Received: "
                f"{type(error).__name__}: {error}. Connect to the network, put the file into "
                "~/.keras/models by hand, or give weights=None."
            ) from error


@keras.saving.register_keras_serializable(package="sslkeras")
class ApplicationPreprocessing(keras.layers.Layer):
    """What a network of keras.applications expects, from pixels in [0, 1].

    Args:
        module: The module of keras.applications whose `preprocess_input` is applied to
            pixels in [0, 255], or None to hand on such pixels.
    """

    def __init__(self, module=None, **kwargs):
        super().__init__(**kwargs)
        if module is not None and not _preprocesses(getattr(keras.applications, module, None)):
            raise ConfigurationError(
                "`module` of ApplicationPreprocessing must be a module of keras.applications. "
                f"Received: module={module!r}. Give the one that holds the network."
            )
        self.module = module

    def call(self, inputs):
        pixels = inputs * 255.0
        if self.module is None:
            return pixels
        return getattr(keras.applications, self.module).preprocess_input(pixels)

    def get_config(self):
        return {**super().get_config(), "module": self.module}


def _preprocesses(module):
    return isinstance(module, types.ModuleType) and hasattr(module, "preprocess_input")


@functools.cache
def _networks() -> tuple:
    """Names of all networks of keras.applications."""
    members = vars(keras.applications).items()
    return tuple(sorted(n for n, value in members if n[0].isupper() and inspect.isroutine(value)))


def _module_of(name):
    """The module of keras.applications that offers the network, or None."""
    for module_name, module in sorted(vars(keras.applications).items()):
        if _preprocesses(module) and hasattr(module, name):
            return module_name
    return None  # MobileNetV3 lies in no module of its own and preprocesses inside.
