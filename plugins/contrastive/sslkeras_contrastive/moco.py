"""Momentum contrast (MoCo).

K. He, H. Fan, Y. Wu, S. Xie, R. Girshick, "Momentum Contrast for Unsupervised Visual
Representation Learning", CVPR 2020, https://arxiv.org/abs/1911.05722 (v1).
X. Chen, H. Fan, R. Girshick, K. He, "Improved Baselines with Momentum Contrastive
Learning", 2020, https://arxiv.org/abs/2003.04297 (v2: head, augmentation, temperature).
"""

import keras
import tensorflow as tf
from absl import logging

from sslkeras import Task
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras.layers import as_vector
from sslkeras_contrastive.infonce import positive_is_among
from sslkeras_contrastive.key_queue import KeyQueue
from sslkeras_contrastive.mean_of_output import MeanOfOutput
from sslkeras_contrastive.momentum_contrast import MomentumContrast
from sslkeras_contrastive.views import AUGMENTATIONS, random_view

# Of ImageNet, of values in [0, 1]; gray images take the mean over the channels.
PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
# What temperature=None stands for: section 3.3 of v1, table 2 of v2.
TEMPERATURE, TEMPERATURE_OF_MLP = 0.07, 0.2


class MoCo(Task):
    """Recognises, among many stored keys, the one made of another view of the same image.

    Withheld is which image a view was made of. Two random views give a query q and a key k;
    K earlier keys n_j are the negatives. With unit vectors and temperature tau

        loss = mean_i -log( exp(q_i k_i / tau) / (exp(q_i k_i / tau) + sum_j exp(q_i n_j / tau)) )

    To tell an image from all others whatever the crop and colours, the encoder must know what is
    in it. The negatives lie in a queue, so that their number does not depend on the batch size;
    the key encoder is a slow copy of the query encoder, `theta_k <- m theta_k + (1 - m) theta_q`,
    so that keys of different age can be compared.

    The trivial answer is to match a query with its key by the statistics of the batch that both
    were normalised in. Against it the keys are encoded in a batch shuffled over all replicas. On
    one replica that does nothing by itself: `bn_splits` then normalises groups of the batch
    apart, and keys are shuffled between groups.

    The query encoder transfers, before the head. Its pixels are standardised inside it.

    Args:
        projection_dim: Width of queries and keys; 128 in the paper.
        queue_size: K; a multiple of the keys of a step: the global batch size, twice that if
            `symmetric`.
        momentum: m in [0, 1); with 0 the paper's training fails.
        temperature: tau > 0; None for 0.07, or 0.2 with `mlp_head`.
        mlp_head: Whether the head is Dense, ReLU, Dense (v2), the hidden layer as wide as the
            trunk's features, or one Dense (v1).
        augmentation: "v1", or "v2" with weaker colours and blur.
        image_size: Side of the views in pixels.
        crop_min_area: Least area of a crop as a part of the image, in (0, 1].
        flip_probability: Of mirroring a view; 0 for what is not the same mirrored, as digits.
        shuffle_bn: Whether the keys' batch is shuffled.
        bn_splits: Groups of a replica's batch that are normalised apart, in both encoders, as if
            each were on a device of its own. Divides the replica's batch.
        symmetric: Whether each view is once query and once key; the two losses are summed and
            both batches of keys enqueued. Not in the paper, but in the authors' CIFAR example.
        standardise: Whether the encoder standardises pixels by ImageNet's mean and deviation.
            False for trunks that do so by themselves.

    Raises:
        ConfigurationError: If an argument is out of range; before the first step if the batch
            does not fit `queue_size` or `bn_splits`, or images have neither 1 nor 3 channels.
    """

    reads = {"image": (8, 8, 1)}
    hyperparameters = {
        "projection_dim": Integer(1),
        "queue_size": Integer(1, unit="keys"),
        "momentum": Real(0, 1, closed="left"),
        "temperature": Optional(Real(0, closed="neither"), "0.07; 0.2 with mlp_head"),
        "mlp_head": Boolean(),
        "augmentation": Choice(*AUGMENTATIONS),
        "image_size": Integer(8, unit="pixels"),
        "crop_min_area": Real(0, 1, closed="right"),
        "flip_probability": Real(0, 1),
        "shuffle_bn": Boolean(),
        "bn_splits": Integer(1),
        "symmetric": Boolean(),
        "standardise": Boolean(),
    }

    def __init__(
        self,
        *,
        projection_dim=128,
        queue_size=65536,
        momentum=0.999,
        temperature=None,
        mlp_head=False,
        augmentation="v1",
        image_size=224,
        crop_min_area=0.2,
        flip_probability=0.5,
        shuffle_bn=True,
        bn_splits=1,
        symmetric=False,
        standardise=True,
    ):
        super().__init__(
            projection_dim=projection_dim,
            queue_size=queue_size,
            momentum=momentum,
            temperature=temperature,
            mlp_head=mlp_head,
            augmentation=augmentation,
            image_size=image_size,
            crop_min_area=crop_min_area,
            flip_probability=flip_probability,
            shuffle_bn=shuffle_bn,
            bn_splits=bn_splits,
            symmetric=symmetric,
            standardise=standardise,
        )
        if self.momentum == 0:
            logging.warning("MoCo with momentum=0 compares with keys of another encoder: it fails.")

    def pretext(self, batch, seed):
        """Two views of each image, drawn independently.

        Returns:
            "query" and "key", float32 `(batch, image_size, image_size, channels)` in [0, 1], and
            "shuffle", float32 `(batch,)`, whose order is the one in which keys are encoded; then
            int32 `(batch,)` zeros, the place of the positive among the logits.
        """
        images = batch["image"]
        for_query, for_key, for_shuffle = tf.unstack(tf.random.split(seed, 3))
        size = tf.shape(images)[:1]
        inputs = {
            "query": self._view(images, for_query),
            "key": self._view(images, for_key),
            "shuffle": tf.random.stateless_uniform(size, for_shuffle),
        }
        return inputs, tf.zeros(size, tf.int32)

    def build_model(self, inputs, encoder, data):
        """Builds two views -> "logits", "queries" and "keys".

        The encoders are the layers "encoder" and "key_encoder", each with a trunk of its own; the
        heads "projection_head" and "key_projection_head"; the queue is the layer "queue".
        """
        shape = tuple(inputs["query"].shape[1:])
        query, key = (keras.Input(shape, name=name) for name in ("query", "key"))
        shuffle = keras.Input((), name="shuffle")
        networks = [
            [self._encoder(encoder, shape, f"{prefix}encoder"), f"{prefix}projection_head"]
            for prefix in ("", "key_")
        ]
        unit = [
            self._head(trunk.output_shape[1:], name)(trunk(image))
            for (trunk, name), image in zip(networks, (query, key))
        ]
        logits = KeyQueue(self.queue_size, self._temperature, name="queue")(unit)
        model = MomentumContrast(
            {"query": query, "key": key, "shuffle": shuffle},
            {"logits": logits, "queries": unit[0], "keys": unit[1]},
            name="moco",
        )
        model.set_step(
            momentum=self.momentum,
            shuffle_bn=self.shuffle_bn,
            bn_splits=self.bn_splits,
            symmetric=self.symmetric,
        )
        model.start_keys_as_queries()
        return model

    def loss(self):
        """None: the model computes InfoNCE in its step."""
        return None

    def metrics(self):
        temperature = self._temperature
        return {
            "logits": [
                MeanOfOutput(lambda logits: positive_is_among(logits, 1), "accuracy"),
                MeanOfOutput(lambda logits: positive_is_among(logits, 5), "top5_accuracy"),
                MeanOfOutput(lambda logits: temperature * logits[:, 0], "positive_cosine"),
                MeanOfOutput(lambda logits: temperature * logits[:, 1:], "negative_cosine"),
            ],
            # Of unit vectors spread evenly it is 1 / sqrt(projection_dim); 0 is collapse.
            "queries": [MeanOfOutput(lambda q: tf.math.reduce_std(q, axis=0), "feature_std")],
        }

    def adapt(self, model, batches):
        """Fits nothing; the key encoder begins as the query encoder, whatever that began as."""
        model.start_keys_as_queries()

    def check_batch_size(self, batch_size, replicas):
        """Refuses batches that do not fit `queue_size` or `bn_splits`."""
        keys = batch_size * (2 if self.symmetric else 1)
        if self.queue_size % keys:
            raise ConfigurationError(
                "`queue_size` of MoCo must be a multiple of the keys enqueued in a step, the "
                "global batch size (twice that if symmetric). Received: "
                f"queue_size={self.queue_size} for {keys} keys. Change one of them."
            )
        if batch_size % (replicas * self.bn_splits):
            raise ConfigurationError(
                "`bn_splits` of MoCo must divide the batch of each replica. Received: "
                f"bn_splits={self.bn_splits} for a global batch of {batch_size} on {replicas} "
                "replica(s). Change one of them."
            )

    def draw(self, inputs, targets, predictions):
        """Both views, and how many of the stored keys are nearer than the right one."""
        logits = predictions["logits"]
        nearer = tf.reduce_sum(tf.cast(logits[:, 1:] >= logits[:, :1], tf.int32), axis=1)
        return {
            "query": inputs["query"],
            "key": inputs["key"],
            "answer": [f"{int(n)} of {logits.shape[1] - 1} keys nearer" for n in nearer],
        }

    @property
    def _temperature(self):
        if self.temperature is not None:
            return self.temperature
        return TEMPERATURE_OF_MLP if self.mlp_head else TEMPERATURE

    def _view(self, images, seed):
        return random_view(
            images,
            seed,
            augmentation=self.augmentation,
            size=self.image_size,
            min_area=self.crop_min_area,
            flip_probability=self.flip_probability,
        )

    def _encoder(self, factory, shape, name):
        """The trunk behind the standardisation of pixels, as one model."""
        image = keras.Input(shape, name="image")
        trunk = factory(shape, name=f"{name}_trunk")
        if not self.standardise:
            return keras.Model(image, trunk(image), name=name)
        mean, std = PIXEL_MEAN, PIXEL_STD
        if shape[-1] == 1:
            mean, std = ((sum(values) / 3,) for values in (mean, std))
        standardised = keras.layers.Normalization(
            mean=mean, variance=[value**2 for value in std], name="standardise"
        )(image)
        return keras.Model(image, trunk(standardised), name=name)

    def _head(self, shape, name):
        """Features of a trunk to unit vectors, as one model."""
        features = keras.Input(shape)
        x = as_vector(features)
        if self.mlp_head:
            x = keras.layers.Dense(x.shape[-1], activation="relu")(x)
        # float32, whatever precision the trunk computes in.
        x = keras.layers.Dense(self.projection_dim, dtype="float32")(x)
        return keras.Model(features, keras.layers.UnitNormalization(dtype="float32")(x), name=name)
