"""The step of time-contrastive learning."""

import keras
import tensorflow as tf

from sslkeras import SurrogateModel
from sslkeras.losses import gather, global_ratio
from sslkeras_multiview.contrasts import n_pairs, pairs_in_time, semihard_triplets, triplets


@keras.saving.register_keras_serializable(package="sslkeras_multiview")
class TimeContrast(SurrogateModel):
    """A functional model of frames, and the loss that compares them in time.

    Inputs are "frames" `(batch, F, height, width, channels)` and "time" int32 `(batch, F)`,
    outputs "embeddings" `(batch, F, features)` and "time", and with a decoder "joints"
    `(batch, F, angles)`. How the F frames of a sequence are divided depends on the objective:

    - "npairs": anchors, then their positives.
    - "triplet": anchors, positives, negatives.
    - "triplet_semihard": no roles; `near` and `far` say which belong together.

    A sequence is told from others by its place in the global batch.
    """

    def set_step(self, **step):
        """Sets how embeddings are compared.

        Args:
            objective: "npairs", "triplet_semihard" or "triplet".
            margin: Of both triplet losses.
            regularization: Of n-pairs.
            near, far: See `pairs_in_time`.
            gather_negatives: Whether rows are compared with those of all replicas.
            contrast_weight: Factor of the contrast where joints are predicted as well.
            train_trunk: Whether the trunk learns.
        """
        self.step = dict(step)

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
        if self.step["train_trunk"]:
            return super().players()
        frozen = {id(weight) for weight in self.get_layer("encoder").get_layer("trunk").weights}
        return {"model": [w for w in self.trainable_variables if id(w) not in frozen]}

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        loss = self.step["contrast_weight"] * self.contrast(outputs["embeddings"], outputs["time"])
        if "joints" in outputs:
            error = tf.math.squared_difference(outputs["joints"], targets["joints"])
            error = tf.reduce_mean(error, axis=(1, 2))
            known = targets["known"]
            loss += global_ratio(tf.reduce_sum(error * known), tf.reduce_sum(known))
        return outputs, {"model": loss + self.compute_loss(inputs, targets, outputs, weights)}

    def contrast(self, embeddings, time):
        """This replica's share of the loss on embeddings `(batch, F, features)`."""
        kind, features = self.step["objective"], embeddings.shape[-1]
        if kind == "triplet":
            parts = [tf.reshape(part, [-1, features]) for part in tf.split(embeddings, 3, axis=1)]
            return triplets(*parts, self.step["margin"])
        everywhere = gather if self.step["gather_negatives"] else tf.identity
        if kind == "npairs":
            anchors, positives = (
                tf.reshape(part, [-1, features]) for part in tf.split(embeddings, 2, axis=1)
            )
            own = self._own_rows(tf.shape(anchors)[0])
            return n_pairs(
                anchors, positives, everywhere(positives), own, self.step["regularization"]
            )
        rows = tf.reshape(embeddings, [-1, features])
        times = tf.reshape(time, [-1])
        own = self._own_rows(tf.shape(rows)[0])
        everyone, all_times = everywhere(rows), everywhere(times)
        everyones = tf.range(tf.shape(everyone)[0])
        length = embeddings.shape[1]
        positive, negative = pairs_in_time(
            times,
            own // length,
            all_times,
            everyones // length,
            self.step["near"],
            self.step["far"],
        )
        positive &= own[:, tf.newaxis] != everyones
        return semihard_triplets(rows, everyone, positive, negative, self.step["margin"])

    def _own_rows(self, count):
        """Which of the compared rows are this replica's."""
        context = tf.distribute.get_replica_context()
        if not self.step["gather_negatives"] or context is None:
            return tf.range(count)
        return tf.range(count) + context.replica_id_in_sync_group * count
