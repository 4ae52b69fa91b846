"""The step of temporal cycle consistency."""

import keras
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.losses import global_mean
from sslkeras_verification.cycles import all_pairs, along, return_loss


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class CycleConsistency(SurrogateModel):
    """A functional model of sets of videos, and the loss of their cycles.

    It gives embeddings `(batch, N, T, D)`. Targets are "time" float32 `(batch, N, T)` and with
    stochastic matching "cycles" and "starts", see `cycles.along`. All videos of a set are on
    one replica; sets do not see each other.
    """

    def set_step(self, *, similarity, temperature, train_base, **loss):
        """Sets how embeddings are compared.

        Args:
            similarity, temperature: See `cycles.all_pairs`.
            train_base: Which weights of the layer "base" learn: "all", "batch_norm" or "none".
            **loss: Arguments of `cycles.return_loss`.
        """
        self.step = {
            "similarity": similarity,
            "temperature": temperature,
            "train_base": train_base,
            **loss,
        }

    def get_config(self):
        return {**super().get_config(), "step": dict(self.step)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        step = config.pop("step")
        model = super().from_config(config, custom_objects)
        model.set_step(**step)
        return model

    def players(self):
        which = self.step["train_base"]
        if which == "all":
            return super().players()
        base = self.get_layer("base")
        learning = set()
        if which == "batch_norm":
            for layer in base.submodules:
                if isinstance(layer, keras.layers.BatchNormalization):
                    learning |= {id(weight) for weight in layer.trainable_weights}
        frozen = {id(weight) for weight in base.weights} - learning
        return {"model": [w for w in self.trainable_variables if id(w) not in frozen]}

    def losses_of(self, inputs, targets, weights, training):
        embeddings = self(inputs, training=training)
        loss = global_mean(self.cycle_losses(embeddings, targets))
        return embeddings, {"model": loss + self.compute_loss(inputs, targets, embeddings, weights)}

    def cycle_losses(self, embeddings, targets):
        """The loss of each cycle."""
        step = dict(self.step)
        kind, temperature = step.pop("similarity"), step.pop("temperature")
        step.pop("train_base")
        time = targets["time"]
        if "cycles" in targets:
            cycles, starts = targets["cycles"], targets["starts"]
            logits = along(embeddings, cycles, starts, kind, temperature)
            times = tf.gather(time, cycles[..., 0], batch_dims=1)
            return return_loss(logits, starts, times, **step)
        logits = all_pairs(embeddings, kind, temperature)
        shape = tf.shape(logits)
        starts = tf.broadcast_to(tf.range(logits.shape[-1]), shape[:-1])
        times = tf.broadcast_to(time[:, :, tf.newaxis, tf.newaxis], shape)
        starts = tf.ensure_shape(starts, logits.shape[:-1])
        return return_loss(logits, starts, times, **step)


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class CycleAccuracy(keras.metrics.Mean):
    """Share of frames that come back to themselves by each other video of their set.

    Args:
        similarity, temperature: See `cycles.all_pairs`.
        name: As in Keras.
    """

    def __init__(self, similarity, temperature, name="accuracy"):
        super().__init__(name=name)
        self.similarity, self.temperature = similarity, temperature

    def update_state(self, targets, embeddings, sample_weight=None):
        logits = all_pairs(tf.cast(embeddings, tf.float32), self.similarity, self.temperature)
        back = tf.argmax(logits, axis=-1, output_type=tf.int32)
        own = tf.range(logits.shape[-1])
        return super().update_state(tf.cast(back == own, tf.float32))

    def get_config(self):
        return {
            "name": self.name,
            "similarity": self.similarity,
            "temperature": self.temperature,
        }
