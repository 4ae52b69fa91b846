"""The step of momentum contrast."""

import keras
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.errors import ConfigurationError
from sslkeras.losses import global_mean
from sslkeras_contrastive.batch_groups import encode_in_groups
from sslkeras_contrastive.infonce import infonce
from sslkeras_contrastive.replicas import gather, update_everywhere
from sslkeras_contrastive.shuffling import encode_shuffled

_ENCODE = {"query": ("encoder", "projection_head"), "key": ("key_encoder", "key_projection_head")}


@keras.saving.register_keras_serializable(package="sslkeras_contrastive")
class MomentumContrast(SurrogateModel):
    """A functional model with layers of known names, and the step that trains it.

    "encoder" and "projection_head" make queries, "key_encoder" and "key_projection_head"
    make keys, "queue" compares. One step:

    1. the key encoder follows: `theta_k <- m theta_k + (1 - m) theta_q`, trainable weights
       only; moving statistics of batch normalisation come from its own forward passes;
    2. queries and keys of two views, the keys without gradient and in a shuffled batch;
    3. InfoNCE against the queue as it stands;
    4. the optimizer moves theta_q, and nothing else;
    5. the keys of the global batch take the place of the oldest ones.

    The arguments of the step are set by `set_step` and saved with the model.
    """

    def set_step(self, *, momentum, shuffle_bn, bn_splits, symmetric):
        """Sets how a step goes.

        Args:
            momentum: m in [0, 1).
            shuffle_bn: Whether keys are encoded in a batch shuffled over all replicas.
            bn_splits: Groups of each replica's batch that are normalised apart.
            symmetric: Whether each view is once the query and once the key.
        """
        self.momentum, self.shuffle_bn = momentum, shuffle_bn
        self.bn_splits, self.symmetric = bn_splits, symmetric

    def get_config(self):
        step = {
            name: getattr(self, name)
            for name in ("momentum", "shuffle_bn", "bn_splits", "symmetric")
        }
        return {**super().get_config(), "step": step}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        step = config.pop("step")
        model = super().from_config(config, custom_objects)
        model.set_step(**step)
        return model

    def parts(self, role):
        """The encoder and the projection head that make each "query" or each "key"."""
        return [self.get_layer(name) for name in _ENCODE[role]]

    def variables_of(self, role, *, trainable):
        """The weights of both parts that gradients move, or those that they do not."""
        return [
            variable
            for part in self.parts(role)
            for variable in (
                part.trainable_variables if trainable else part.non_trainable_variables
            )
        ]

    def start_keys_as_queries(self):
        """Makes the key encoder an exact copy of the query encoder, statistics included."""
        for query, key in zip(self.parts("query"), self.parts("key")):
            key.set_weights(query.get_weights())

    # The step.

    def players(self):
        return {"model": self.variables_of("query", trainable=True)}

    def before_update(self, inputs):
        followed = self.variables_of("query", trainable=True)
        following = self.variables_of("key", trainable=True)
        update_everywhere(
            lambda key, query: key.assign(self.momentum * key + (1.0 - self.momentum) * query),
            following,
            [variable.read_value() for variable in followed],
        )

    def losses_of(self, inputs, targets, weights, training):
        pairs = [("query", "key"), ("key", "query")] if self.symmetric else [("query", "key")]
        answers = [
            self._contrast(inputs[query], inputs[key], inputs["shuffle"], training)
            for query, key in pairs
        ]
        outputs = {
            name: tf.concat([answer[name] for answer in answers], axis=0) for name in answers[0]
        }
        loss = sum(global_mean(infonce(answer["logits"])) for answer in answers)
        return outputs, {"model": loss + self.compute_loss(inputs, targets, outputs, weights)}

    def after_update(self, inputs, targets, outputs):
        directions = 2 if self.symmetric else 1
        # In the order of the global batch, whatever part of it each replica had.
        keys = [gather(part) for part in tf.split(outputs["keys"], directions)]
        self.get_layer("queue").enqueue(tf.concat(keys, axis=0))

    def _contrast(self, query_images, key_images, sort_keys, training):
        queries = self._encode("query", query_images, training)

        def encode(images):
            return self._encode("key", images, training)

        if training and self._shuffles:
            keys = encode_shuffled(encode, key_images, sort_keys)
        else:
            keys = tf.stop_gradient(encode(key_images))
        logits = self.get_layer("queue")([queries, keys])
        return {"logits": logits, "queries": queries, "keys": keys}

    @property
    def _shuffles(self):
        # Alone with one group, every order has the same statistics.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self.shuffle_bn and (replicas > 1 or self.bn_splits > 1)

    def _encode(self, role, images, training):
        encoder, head = self.parts(role)

        def encode(images):
            return head(encoder(images, training=training), training=training)

        if not training:
            return encode(images)
        size = images.shape[0]
        if size is not None and size % self.bn_splits:
            raise ConfigurationError(
                "`bn_splits` must divide the batch of each replica. Received: "
                f"bn_splits={self.bn_splits} for {size} examples. Change one of them."
            )
        statistics = [
            variable
            for variable in self.variables_of(role, trainable=False)
            if variable.dtype.is_floating
        ]
        return encode_in_groups(encode, images, self.bn_splits, statistics)
