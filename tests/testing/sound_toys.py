"""Small tasks that keep the contract, in each of the ways in which tasks differ."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import Stage, SurrogateModel, Task
from sslkeras.datasets import ArraySplit, Given
from sslkeras.hyperparameters import Integer
from sslkeras.losses import global_mean
from tests.toys import Denoise

CODE = 4


@keras.saving.register_keras_serializable(package="tests.testing")
class QueueModel(SurrogateModel):
    """Momentum contrast: keys of a slow copy, and a queue of those of earlier batches."""

    def __init__(self, inputs, outputs, name=None, trainable=True, **kwargs):
        super().__init__(inputs, outputs, name=name, trainable=trainable, **kwargs)
        state = {"trainable": False, "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA}
        start = keras.initializers.RandomNormal(seed=1)
        self.queue = self.add_weight("queue", (32, CODE), initializer=start, **state)
        self.place = self.add_weight("place", (), tf.int64, initializer="zeros", **state)

    def players(self):
        return {"model": self.get_layer("query").trainable_variables}

    def before_update(self, inputs):
        pairs = zip(self.get_layer("key").weights, self.get_layer("query").weights)
        for slow, fast in pairs:
            slow.assign(0.9 * slow + 0.1 * fast)

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        query, key = self.embedded(outputs)
        same = tf.reduce_sum(query * tf.stop_gradient(key), axis=-1, keepdims=True)
        others = tf.matmul(query, tf.math.l2_normalize(self.queue, axis=-1), transpose_b=True)
        logits = tf.concat([same, others], axis=-1) / 0.2
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return outputs, {"model": global_mean(losses)}

    def embedded(self, outputs):
        return [
            tf.math.l2_normalize(tf.cast(outputs[name], tf.float32), axis=-1)
            for name in ("query", "key")
        ]

    def after_update(self, inputs, targets, outputs):
        _, keys = self.embedded(outputs)
        replicas = tf.distribute.get_replica_context()
        if replicas.num_replicas_in_sync > 1:
            keys = replicas.all_gather(keys, axis=0)
        self.enqueue(keys)

    def enqueue(self, keys):
        size, length = tf.shape(keys, tf.int64)[0], self.queue.shape[0]
        rows = (self.place + tf.range(size)) % length
        self.queue.assign(tf.tensor_scatter_nd_update(self.queue, rows[:, tf.newaxis], keys))
        self.place.assign((self.place + size) % length)


class Contrast(Task):
    """Recognises the key that was made of the same image; has a queue and two trunks."""

    targets_in_inputs = "none"
    model_class = QueueModel

    def pretext(self, batch, seed):
        views = [
            batch["image"] + tf.random.stateless_normal(tf.shape(batch["image"]), one, stddev=0.1)
            for one in tf.unstack(tf.random.split(seed))
        ]
        places = tf.zeros([tf.shape(batch["image"])[0]], tf.int32)
        return {"first": views[0], "second": views[1]}, places

    def build_model(self, inputs, encoder, data):
        shape = inputs["first"].shape[1:]
        images = {name: keras.Input(shape, name=name) for name in ("first", "second")}
        outputs = {}
        for name, image in zip(("query", "key"), images.values()):
            trunk = encoder(shape, name="encoder" if name == "query" else "slow")
            given = keras.Input(shape)
            code = keras.layers.Dense(CODE, dtype="float32")
            code = code(keras.layers.Flatten()(trunk(given)))
            outputs[name] = keras.Model(given, code, name=name)(image)
        model = self.model_class(images, outputs)
        model.get_layer("key").set_weights(model.get_layer("query").get_weights())
        return model

    def loss(self):
        return None

    def encoders(self, model):
        return {"encoder": model.get_layer("query").get_layer("encoder")}

    def draw(self, inputs, targets, predictions):
        return {name: tf.clip_by_value(view, 0.0, 1.0) for name, view in inputs.items()}


@keras.saving.register_keras_serializable(package="tests.testing")
class Adversaries(SurrogateModel):
    """One restores images, the other tells restored ones from real ones."""

    def players(self):
        critic = self.get_layer("critic").trainable_variables
        theirs = {id(variable) for variable in critic}
        mine = [v for v in self.trainable_variables if id(v) not in theirs]
        return {"restorer": mine, "critic": critic}

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        real = self.get_layer("critic")(targets, training=training)
        restored = tf.cast(outputs["restored"], tf.float32)
        error = tf.reduce_mean(tf.square(restored - targets), axis=[1, 2, 3])
        return outputs, {
            "restorer": global_mean(error) + 0.1 * global_mean(tf.nn.softplus(-outputs["critic"])),
            "critic": global_mean(tf.nn.softplus(outputs["critic"]) + tf.nn.softplus(-real)),
        }


class Adversarial(Denoise):
    """Restores images so that a critic takes them for real ones: two players."""

    def build_model(self, inputs, encoder, data):
        restorer = super().build_model(inputs, encoder, data)
        shape = inputs.shape[1:]
        image = keras.Input(shape)
        flat = keras.layers.Dense(6, activation="tanh")(keras.layers.Flatten()(image))
        critic = keras.Model(image, keras.layers.Dense(1, dtype="float32")(flat), name="critic")
        restored = restorer.output
        return Adversaries(restorer.input, {"restored": restored, "critic": critic(restored)})

    def loss(self):
        return None

    def metrics(self):
        return {"restored": []}

    def draw(self, inputs, targets, predictions):
        return super().draw(inputs, targets, predictions["restored"])


@keras.saving.register_keras_serializable(package="tests.testing")
class Centre(keras.layers.Layer):
    """Subtracts a mean that is fitted between stages."""

    def build(self, input_shape):
        self.mean = self.add_weight("mean", (), initializer="zeros", trainable=False)

    def call(self, inputs):
        return inputs - tf.cast(self.mean, inputs.dtype)


class Staged(Denoise):
    """First restores halved images, then centred ones, the mean being fitted in between."""

    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        image = keras.Input(inputs.shape[1:])
        return keras.Model(image, keras.Model(model.input, model.output)(Centre()(image)))

    def halved(self, batch, seed):
        return batch["image"] * 0.5, batch["image"]

    def stages(self, model):
        def prepare(batches):
            means = [tf.reduce_mean(batch["image"]) for batch in batches]
            model.layers[1].mean.assign(tf.reduce_mean(means))

        return [
            Stage("halved", model, pretext=self.halved, epochs=1),
            Stage("usual", model, prepare=prepare),
        ]

    def encoders(self, model):
        return {"encoder": model.layers[2].get_layer("encoder")}


class NextToken(Task):
    """Predicts each token from the one before."""

    reads = {"tokens": (3,)}
    random_pretext = False
    xla = True
    hyperparameters = {"words": Integer(2)}

    def __init__(self, *, words=5):
        super().__init__(words=words)

    def pretext(self, batch, seed):
        tokens = batch["tokens"]
        return tokens[:, :-1], tokens[:, 1:]

    def build_model(self, inputs, encoder, data):
        tokens = keras.Input(inputs.shape[1:], dtype=inputs.dtype)
        head = keras.layers.Dense(self.words, dtype="float32")
        return keras.Model(tokens, head(encoder(inputs.shape[1:])(tokens)))

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def draw(self, inputs, targets, predictions):
        return {"sentence": [" ".join(map(str, row)) for row in inputs.numpy()]}


def sentences():
    """Rows of tokens that count upwards."""

    def split(count):
        tokens = (np.arange(count)[:, None] + np.arange(7)) % 5
        return ArraySplit({"tokens": tokens.astype(np.int32)})

    return Given(split(40), split(12))


def embedding(shape):
    """A table of vectors."""
    tokens = keras.Input(shape, dtype="int32")
    return keras.Model(tokens, keras.layers.Embedding(5, 6)(tokens))
