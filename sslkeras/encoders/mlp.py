"""A multilayer perceptron."""

import keras

from sslkeras.encoders.encoder import Encoder, check_activation
from sslkeras.hyperparameters import Integer, ListOf, Text


class MLP(Encoder):
    """Fully connected layers on the flattened input; gives a vector.

    The trunk takes float32 of any one shape, such as images in [0, 1], and returns
    `(batch, hidden_sizes[-1])`.

    Args:
        hidden_sizes: Units of each layer, one or more values. Defaults to (512, 256).
        activation: Name of a Keras activation, used after every layer. Defaults to "relu".

    Raises:
        ConfigurationError: If an argument is out of range or the activation unknown.
    """

    hyperparameters = {
        "hidden_sizes": ListOf(Integer(1), min_length=1),
        "activation": Text("the name of a Keras activation"),
    }

    def __init__(self, *, hidden_sizes=(512, 256), activation="relu"):
        super().__init__(hidden_sizes=hidden_sizes, activation=activation)
        check_activation(self)

    def build(self, input_shape):
        inputs = keras.Input(input_shape)
        x = keras.layers.Flatten()(inputs) if len(input_shape) != 1 else inputs
        for units in self.hidden_sizes:
            x = keras.layers.Dense(units, activation=self.activation)(x)
        return keras.Model(inputs, x)
