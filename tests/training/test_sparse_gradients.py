"""Tests of sslkeras.training.sparse_gradients, and of the step with sparse gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.losses import global_mean
from sslkeras.training import surrogate_model
from sslkeras.training.optimizers import create_optimizer
from sslkeras.training.sparse_gradients import (
    GradientSum,
    clipped_by_global_norm,
    descend,
    is_plain_descent,
    with_each_row_once,
)
from sslkeras.training.strategies import create_strategy
from sslkeras.training.surrogate_model import SurrogateModel

ROWS = 50
X = np.random.default_rng(0).integers(0, 20, (24, 3)).astype(np.int32)


def slices(values, indices, rows=ROWS):
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant([rows, 1]))


def test_rows_that_come_twice_are_added_up():
    found = with_each_row_once(slices([[1.0], [2.0], [4.0]], [3, 5, 3]))

    assert found.indices.numpy().tolist() == [3, 5]
    assert found.values.numpy().tolist() == [[5.0], [2.0]]


def test_the_norm_is_that_of_the_dense_gradient():
    # (3 - 3 + 3, 4) has length 5; of the parts it would be sqrt(43).
    sparse = slices([[3.0], [-3.0], [3.0], [4.0]], [0, 0, 0, 1])

    (clipped,) = clipped_by_global_norm([sparse], 1.0)

    assert isinstance(clipped, tf.IndexedSlices)
    dense = tf.convert_to_tensor(clipped).numpy()[:2, 0]
    np.testing.assert_allclose(dense, [0.6, 0.8], rtol=1e-6)


def test_rows_descend_as_they_come():
    table, optimizer = tf.Variable(tf.zeros([ROWS, 1])), keras.optimizers.SGD(0.5)

    descend(optimizer, [(slices([[1.0], [2.0], [4.0]], [3, 5, 3]), table)])

    assert np.flatnonzero(table.numpy()).tolist() == [3, 5]
    assert table.numpy()[[3, 5], 0].tolist() == [-2.5, -1.0]
    assert int(optimizer.iterations) == 1


@pytest.mark.parametrize("has_dense", [True, False])
def test_a_schedule_is_followed(has_dense):
    # Rates 1, 0.5 and 0.
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 2, 0.0)
    optimizer = create_optimizer("sgd", learning_rate=schedule)
    table, dense = tf.Variable(tf.zeros([ROWS, 1])), tf.Variable(0.0)
    optimizer.build([table, dense])
    moved = []

    for _ in range(3):
        pairs = [(slices([[1.0]], [3]), table)]
        descend(optimizer, pairs + [(tf.constant(1.0), dense)] if has_dense else pairs)
        moved.append(-float(table[3, 0]))

    assert moved == [1.0, 1.5, 1.5]
    assert float(dense) == (-1.5 if has_dense else 0.0)


def test_a_constrained_table_is_left_to_the_optimizer():
    table = tf.Variable(tf.zeros([ROWS, 1]), constraint=lambda value: tf.maximum(value, -0.25))

    descend(keras.optimizers.SGD(0.5), [(slices([[1.0]], [3]), table)])

    assert float(table[3, 0]) == -0.25


@pytest.mark.parametrize(
    "optimizer, plain",
    [
        (keras.optimizers.SGD(0.1), True),
        (create_optimizer("sgd", learning_rate=0.1), True),
        (create_optimizer("sgd", learning_rate=0.1, weight_decay=0.1), False),
        (keras.optimizers.SGD(0.1, momentum=0.9), False),
        (keras.optimizers.SGD(0.1, clipvalue=1.0), False),
        (keras.optimizers.SGD(0.1, use_ema=True), False),
        (keras.optimizers.Adam(0.1), False),
        (keras.optimizers.legacy.SGD(0.1), False),
    ],
)
def test_plain_descent_is_that_and_nothing_besides(optimizer, plain):
    assert is_plain_descent(optimizer) == plain


def test_slices_of_different_sizes_are_joined():
    parts = [
        [slices([[1.0]], [2]), None, tf.constant([1.0])],
        [slices([[2.0], [3.0]], [4, 2]), None, tf.constant([10.0])],
    ]
    total = GradientSum(parts[0], 2)

    sparse, none, dense = total.result(total.add(total.start(), 1, parts[1]))

    assert none is None and dense.numpy() == [11.0]
    assert sparse.indices.numpy().tolist() == [2, 4, 2]
    assert sparse.values.numpy().tolist() == [[1.0], [2.0], [3.0]]


class Table(SurrogateModel):
    """Pulls the rows it looks up, and what follows them, towards 1."""

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs)
        return outputs, {"model": global_mean(tf.reduce_sum(tf.square(outputs - 1.0), [1, 2]))}


def table_model():
    keras.utils.set_random_seed(0)
    words = keras.Input((3,), dtype="int32")
    vectors = keras.layers.Embedding(ROWS, 4, name="table")(words)
    return Table(words, keras.layers.Dense(2)(vectors))


def trained(strategy="default", optimizer="sgd(learning_rate=0.1)", epochs=2, **settings):
    with create_strategy(strategy).scope():
        model = table_model()
        model.compile(create_optimizer(optimizer), **settings)
    data = tf.data.Dataset.from_tensor_slices(X).batch(8)
    model.fit(data, epochs=epochs, verbose=0)
    return [np.array(weight) for weight in model.get_weights()]


@pytest.fixture
def applied(monkeypatch):
    """The gradients that the optimizer is given."""
    found = []
    update = SurrogateModel._update

    def watched(self, optimizer, variables, gradients):
        class Watched:
            def apply_gradients(self, pairs, **arguments):
                found.extend(gradient for gradient, _ in pairs)
                return optimizer.apply_gradients(pairs, **arguments)

        return update(self, Watched(), variables, gradients)

    monkeypatch.setattr(surrogate_model.SurrogateModel, "_update", watched)
    return found


@pytest.mark.parametrize(
    "strategy, settings",
    [
        ("default", {}),
        ("default", {"clip_norm": 0.1}),
        ("default", {"accumulate": 4}),
        ("mirrored(devices=2)", {}),
        ("mirrored(devices=2)", {"accumulate": 2, "clip_norm": 0.1}),
    ],
    ids=str,
)
def test_a_tables_gradient_stays_sparse(applied, strategy, settings):
    trained(strategy, epochs=1, **settings)

    sparse = [isinstance(one, tf.IndexedSlices) for one in applied]
    assert len(sparse) % 3 == 0 and sparse[:3] == [True, False, False]


@pytest.mark.parametrize("optimizer", ["sgd(learning_rate=0.1)", "adagrad(learning_rate=0.1)"])
@pytest.mark.parametrize(
    "strategy, settings",
    [
        ("default", {"accumulate": 4}),
        ("mirrored(devices=2)", {}),
        ("mirrored(devices=2)", {"accumulate": 2}),
    ],
    ids=str,
)
def test_slices_and_replicas_make_the_same_update(optimizer, strategy, settings):
    whole = trained(optimizer=optimizer)

    for ours, theirs in zip(trained(strategy, optimizer, **settings), whole):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_clipping_makes_the_update_of_the_dense_gradient():
    ours = trained(clip_norm=0.5)

    model = table_model()
    optimizer = keras.optimizers.SGD(0.1)
    for _ in range(2):
        for batch in np.split(X, 3):
            with tf.GradientTape() as tape:
                _, losses = model.losses_of(batch, None, None, training=True)
            gradients = tape.gradient(losses["model"], model.trainable_variables)
            dense = [tf.convert_to_tensor(one) for one in gradients]
            clipped, _ = tf.clip_by_global_norm(dense, 0.5)
            optimizer.apply_gradients(zip(clipped, model.trainable_variables))
    for one, other in zip(ours, model.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_rows_that_are_not_looked_up_do_not_move():
    before, after = table_model().get_weights()[0], trained()[0]

    unused = np.setdiff1d(np.arange(ROWS), X)
    np.testing.assert_array_equal(after[unused], before[unused])
    assert np.all(np.any(after[np.unique(X)] != before[np.unique(X)], axis=1))


class Counted(Table):
    """Its step is one for each example."""

    def losses_of(self, inputs, targets, weights, training):
        outputs, losses = super().losses_of(inputs, targets, weights, training)
        return {"output": outputs, "count": tf.cast(tf.shape(inputs)[0], tf.float32)}, losses

    def objectives_of(self, losses, outputs):
        return {"model": losses["model"] * outputs["count"]}


def test_what_is_minimised_may_be_a_multiple_of_what_is_reported():
    def step(cls, rate):
        keras.utils.set_random_seed(0)
        words = keras.Input((3,), dtype="int32")
        vectors = keras.layers.Embedding(ROWS, 4)(words)
        model = cls(words, vectors)
        model.compile(keras.optimizers.SGD(rate))
        data = tf.data.Dataset.from_tensor_slices(X).batch(8)
        loss = model.fit(data, steps_per_epoch=1, verbose=0).history["loss"]
        return loss, model.get_weights()[0]

    (loss, ours), (their_loss, theirs) = step(Counted, 0.01), step(Table, 0.08)

    assert loss == their_loss
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
