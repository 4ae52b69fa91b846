"""Few labels: fine-tuning the trunk against training it from scratch."""

import keras
import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import IndexedSplit, Order, as_float, shuffled_index
from sslkeras.errors import NonFiniteLossError
from sslkeras.evaluation import labels as labels_module
from sslkeras.evaluation.features import embed, for_size_of
from sslkeras.evaluation.probe import Probe, check_probe_pooling, classes_of, keep_confusion
from sslkeras.hyperparameters import AnyOf, Integer, ListOf, Optional, Real, Text


class Finetune(Probe):
    """Trains the encoder and a new linear head on few labels, for a fixed number of steps.

    The pretrained encoder against the same architecture from random weights ("random
    init", which is training from scratch), and either of them frozen. Subset, batches, head
    initialisation, optimizer (Adam) and number of steps are the same in all of these; the
    trunk's learning rate is that of its kind. BatchNormalization is in training mode where
    the trunk is trained, in inference mode where it is frozen. The encoder that is
    judged stays as it is: a clone is trained.

    Args:
        labels: How many training labels are used: None for all, a float for a fraction, an
            integer for a count, or a list of these. See `sslkeras.evaluation.labels.subset`.
        steps: Optimizer steps, whatever the number of labels.
        batch_size: Examples in a step; small subsets are gone through again and again.
        head_learning_rate: Of the linear head.
        encoder_learning_rate: Of a pretrained trunk.
        scratch_learning_rate: Of a random trunk.
        pooling: How maps become vectors; None for the evaluation's.
        target: Feature that holds the class.
        seeds: How many subsets, initialisations and orders are averaged.
    """

    reads = ("label",)
    hyperparameters = {
        "labels": Optional(
            AnyOf(labels_module.LABELS, ListOf(labels_module.LABELS, min_length=1)), "all labels"
        ),
        "steps": Integer(0),
        "batch_size": Integer(1),
        "head_learning_rate": Real(0, closed="neither"),
        "encoder_learning_rate": Real(0, closed="neither"),
        "scratch_learning_rate": Real(0, closed="neither"),
        "pooling": Optional(Text("a pooling"), "that of the evaluation"),
        "target": Text("the name of a feature"),
        "seeds": Integer(1),
    }
    needs_encoder = True

    def __init__(
        self,
        *,
        labels=(0.01, 0.05, 0.1, 1.0),
        steps=500,
        batch_size=64,
        head_learning_rate=1e-3,
        encoder_learning_rate=1e-4,
        scratch_learning_rate=1e-3,
        pooling=None,
        target="label",
        seeds=3,
    ):
        super().__init__(
            labels=labels,
            steps=steps,
            batch_size=batch_size,
            head_learning_rate=head_learning_rate,
            encoder_learning_rate=encoder_learning_rate,
            scratch_learning_rate=scratch_learning_rate,
            pooling=pooling,
            target=target,
            seeds=seeds,
        )
        check_probe_pooling(pooling)
        self.reads = (target,)

    def run(self, subject, seed):
        """Trains the trunk with a head, and a head alone, for each of `labels`.

        Returns:
            "top-1" (trunk and head) and "frozen top-1" (head alone) on the test split. With a
            list of `labels` each name ends in the subset, e.g. "top-1, 10% of labels".
        """
        classes, truth, test_truth = classes_of(subject, self.target)
        several = isinstance(self.labels, tuple)
        rate = self.encoder_learning_rate if subject.is_pretrained else self.scratch_learning_rate
        pooling = self.pooling or subject.pooling
        features = subject.features("train", self.pooling)
        test_features = subject.features("test", self.pooling)
        raw = subject.split("train").features[subject.feature]
        encoder = for_size_of(subject.clone_encoder(), raw.shape)
        raw = tf.TensorSpec([None, *raw.shape], _dtype_after_reading(raw.dtype))
        vector = tf.TensorSpec([None, features.shape[-1]], tf.float32)
        fit = _Fit(encoder, raw, features.shape[-1], len(classes), pooling)
        frozen = _Fit(None, vector, features.shape[-1], len(classes), pooling)
        test = subject.split("test").batches(subject.batch_size, only=(subject.feature,))
        test = test.map(lambda batch: as_float(batch)[subject.feature])
        parts = [slice(start, start + 4096) for start in range(0, len(test_features), 4096)]

        result = {}
        for amount in self.labels if several else (self.labels,):
            rows = labels_module.subset(truth, amount, seed)
            ending = f", {labels_module.describe(amount)}" if several else ""
            order = batch_indices(len(rows), self.batch_size, self.steps, seed)
            fit.start(seed, self.head_learning_rate, rate)
            fit.train(labelled_batches(subject, rows, truth, order))
            answers = fit.answers(test)
            result["top-1" + ending] = float((answers == test_truth).mean())
            frozen.start(seed, self.head_learning_rate, rate)
            frozen.train(_vector_batches(features, truth, rows, order))
            vectors = (tf.constant(test_features[part]) for part in parts)
            result["frozen top-1" + ending] = float((frozen.answers(vectors) == test_truth).mean())
        # Of the last subset.
        keep_confusion(subject, test_truth, answers, classes, self.target)
        return result


def batch_indices(size, batch_size, steps, seed):
    """`tf.data.Dataset` of `steps` int64 `(batch_size,)`: shuffled passes over [0, size)."""
    first = tf.range(batch_size, dtype=tf.int64)
    return tf.data.Dataset.range(steps).map(
        lambda step: shuffled_index(step * batch_size + first, size, Order(seed))
    )


def labelled_batches(subject, rows, truth, order):
    """Batches `(inputs, classes)` of the labelled subset.

    Read from the split where it can be read by index; otherwise the subset is held in
    memory as it is stored.

    Args:
        subject: The `Subject`.
        rows: int64, rows of the train split.
        truth: int64, class of every row of the train split.
        order: `tf.data.Dataset` of indices into `rows`.
    """
    split, name = subject.split("train"), subject.feature
    chosen, chosen_truth = tf.constant(rows), tf.constant(truth[rows])
    if isinstance(split, IndexedSplit) and split.size == len(truth):
        batches = split.read(order.map(lambda i: tf.gather(chosen, i)), None, only=(name,))
    else:
        wanted = np.zeros(len(truth), bool)
        wanted[rows] = True
        kept, start = [], 0
        for batch in split.batches(256, only=(name,)):
            values = batch[name].numpy()
            kept.append(values[wanted[start : start + len(values)]])
            start += len(values)
        kept = tf.constant(np.concatenate(kept))
        batches = order.map(lambda i: {name: tf.gather(kept, i)})
    both = tf.data.Dataset.zip((batches, order))
    return both.map(lambda batch, i: (as_float(batch)[name], tf.gather(chosen_truth, i))).prefetch(
        2
    )


def _dtype_after_reading(dtype):
    return tf.float32 if dtype == tf.uint8 else dtype


def _vector_batches(features, truth, rows, order):
    """Batches of features, which may be too large for memory, and their classes."""
    for index in order:
        chosen = rows[index.numpy()]
        yield tf.constant(features[chosen]), tf.constant(truth[chosen])


class _Fit:
    """A linear head, and a trunk under it if it is to be trained. Traced once, started often."""

    def __init__(self, encoder, inputs, num_features, num_classes, pooling):
        self._encoder, self._pooling = encoder, pooling
        self._head = keras.layers.Dense(num_classes, dtype="float32")
        self._head.build((None, num_features))
        self._first_weights = encoder.get_weights() if encoder is not None else []
        # jit_compile=False: XLA compiles small updates for longer than they take.
        self._head_optimizer = keras.optimizers.Adam(jit_compile=False)
        self._head_optimizer.build(self._head.trainable_variables)
        if encoder is not None:
            self._encoder_optimizer = keras.optimizers.Adam(jit_compile=False)
            self._encoder_optimizer.build(encoder.trainable_variables)
        truth = tf.TensorSpec([None], tf.int64)
        # Traced here: TensorFlow would warn of a loop over functions where there are many probes.
        step = tf.function(self._step_once, input_signature=[inputs, truth])
        self._step = step.get_concrete_function()
        predict = tf.function(self._predict_once, input_signature=[inputs])
        self._predict = predict.get_concrete_function()

    def start(self, seed, head_learning_rate, encoder_learning_rate):
        """Goes back to the first weights of the trunk, a head of `seed`, fresh optimizers."""
        kernel, bias = self._head.trainable_variables
        # The head's own seed: the same head whatever trunk is under it.
        kernel.assign(keras.initializers.GlorotUniform(seed=seed)(kernel.shape))
        bias.assign(tf.zeros_like(bias))
        _restart(self._head_optimizer, head_learning_rate)
        if self._encoder is not None:
            self._encoder.set_weights(self._first_weights)
            _restart(self._encoder_optimizer, encoder_learning_rate)

    def train(self, batches):
        """Takes one step a batch.

        Raises:
            NonFiniteLossError: If the loss became NaN or infinite.
        """
        loss = 0.0
        for inputs, truth in batches:
            loss = self._step(inputs, truth)
        if not np.isfinite(float(loss)):
            raise NonFiniteLossError(
                f"The loss of a probe must stay finite. Received: {float(loss)} after the last "
                "step of 'finetune'. Choose smaller learning rates."
            )

    def answers(self, batches):
        """int64 `(examples,)`: the class of the largest logit."""
        return np.concatenate([self._predict(inputs).numpy() for inputs in batches])

    def _logits(self, inputs, training):
        if self._encoder is not None:
            inputs = embed(self._encoder, inputs, self._pooling, training=training)
        return self._head(inputs)

    def _predict_once(self, inputs):
        return tf.argmax(self._logits(inputs, training=False), axis=-1)

    def _step_once(self, inputs, truth):
        trunk = self._encoder.trainable_variables if self._encoder is not None else []
        head = self._head.trainable_variables
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                truth, self._logits(inputs, training=True)
            )
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [*head, *trunk])
        self._head_optimizer.apply_gradients(zip(gradients[: len(head)], head, strict=True))
        if trunk:
            self._encoder_optimizer.apply_gradients(zip(gradients[len(head) :], trunk, strict=True))
        return loss


def _restart(optimizer, learning_rate):
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    optimizer.learning_rate = learning_rate
