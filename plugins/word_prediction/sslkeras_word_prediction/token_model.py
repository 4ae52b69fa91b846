"""Models that give each of several positions a distribution over the vocabulary."""

import keras
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.errors import ConfigurationError
from sslkeras.losses import global_ratio
from sslkeras.losses.reduction import num_replicas

TABLE = "token_embedding"


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class TokenModel(SurrogateModel):
    """Predicts tokens; its loss is a mean over those that count, of the whole global batch.

        loss = sum_bk w_bk (-log softmax(logits_bk)[token_bk]) / (sum_bk w_bk + epsilon)
             + what layers add (penalties)

    Replicas hold different numbers of tokens, so that the mean of their means would be another
    loss. The output is the logits, or a dict with the logits under this name.
    """

    epsilon = 0.0

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        return outputs, {"model": self.token_loss(targets, logits_of(outputs), weights)}

    def token_loss(self, tokens, logits, weights):
        """This replica's share of the loss.

        Args:
            tokens: int32 `(batch, positions)`, the true ones.
            logits: float `(batch, positions, vocabulary)`.
            weights: float `(batch, positions)`: 1 where the token counts, 0 where not.
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, tf.cast(logits, tf.float32))
        weights = tf.cast(weights, tf.float32)
        total = tf.reduce_sum(weights) + self.epsilon / num_replicas()
        loss = global_ratio(tf.reduce_sum(losses * weights), total)
        if self.losses:
            loss += tf.add_n([tf.cast(one, tf.float32) for one in self.losses]) / num_replicas()
        return loss


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class TiedTokenModel(TokenModel):
    """A `TokenModel` whose output weights are the embedding table of its encoder.

        logits = h E^T + b

    E is the variable itself, not a copy, and gets the sum of the gradients of input and output.
    The functional part ends in h, float `(batch, positions, width)`, in the place of the logits.

    Raises:
        ConfigurationError: If the encoder has no layer "token_embedding" as wide as h.
    """

    def __init__(self, inputs, outputs, name=None, trainable=True, **kwargs):
        super().__init__(inputs, outputs, name=name, trainable=trainable, **kwargs)
        rows, width = token_embedding(self.get_layer("encoder")).embeddings.shape
        found = logits_of(self.output).shape[-1]
        if found != width:
            raise ConfigurationError(
                "Tied output weights need hidden features as wide as the embedding. Received: "
                f"{found} for an embedding of {width}. Choose equal sizes."
            )
        self.output_bias = self.add_weight(
            "output_bias",
            shape=(rows,),
            dtype=tf.float32,
            initializer="zeros",
            experimental_autocast=False,
        )

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        if isinstance(outputs, dict):
            return {**outputs, "logits": self._tied(outputs["logits"])}
        return self._tied(outputs)

    def _tied(self, hidden):
        # Not kept as an attribute, which would make its variable a weight of the model twice.
        table = token_embedding(self.get_layer("encoder")).embeddings
        logits = tf.einsum("bkh,vh->bkv", hidden, tf.cast(table, hidden.dtype))
        return tf.cast(logits, tf.float32) + self.output_bias


def logits_of(outputs):
    """The logits among the outputs of a `TokenModel`."""
    return outputs["logits"] if isinstance(outputs, dict) else outputs


def token_embedding(encoder):
    """The layer of `encoder` that holds the embedding table `(vocabulary, width)`.

    Raises:
        ConfigurationError: If there is none.
    """
    for layer in encoder.layers:
        if layer.name == TABLE:
            return layer
    raise ConfigurationError(
        f"A trunk that predicts tokens must have its embedding as a layer '{TABLE}'. Received: "
        f"{', '.join(layer.name for layer in encoder.layers)}. Choose the encoder 'transformer', "
        "or name the layer so."
    )
