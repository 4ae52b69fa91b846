"""Tests of sslkeras_contrastive.momentum_contrast."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_contrastive.moco import MoCo

from sslkeras.encoders.encoder import as_encoder
from sslkeras.errors import ConfigurationError
from sslkeras.testing.replicas import two_replicas

BATCH, SIDE = 8, 8
SPEC = {
    "query": tf.TensorSpec([None, SIDE, SIDE, 3]),
    "key": tf.TensorSpec([None, SIDE, SIDE, 3]),
    "shuffle": tf.TensorSpec([None]),
}


def trunk(shape):
    """A convolution with batch normalisation."""
    image = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, 2, padding="same", use_bias=False)(image)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.Model(image, keras.layers.Activation("relu")(x))


def moco(**arguments):
    """A small model with fresh weights, equal in each call, compiled with plain descent."""
    arguments = {"projection_dim": 2, "queue_size": 16, "image_size": SIDE, **arguments}
    keras.utils.set_random_seed(1)
    task = MoCo(**arguments)
    model = task.build_model(SPEC, as_encoder(trunk), None)
    model.compile(keras.optimizers.SGD(0.1), loss=task.loss(), metrics=task.metrics())
    return model


def example(number=0):
    """Inputs and targets of one global batch."""
    shape = [BATCH, SIDE, SIDE, 3]
    inputs = {
        "query": tf.random.stateless_uniform(shape, [0, number]),
        "key": tf.random.stateless_uniform(shape, [1, number]),
        "shuffle": tf.random.stateless_uniform([BATCH], [2, number]),
    }
    return inputs, tf.zeros([BATCH], tf.int32)


def loss_of(model, inputs, training=False):
    return float(model.losses_of(inputs, None, None, training=training)[1]["model"])


def bias(model, role):
    return model.get_layer(role).trainable_variables[-1]


# The momentum encoder.


def test_the_key_encoder_begins_as_an_exact_copy():
    model = moco()

    for query, key in zip(model.parts("query"), model.parts("key")):
        assert query.get_weights()
        for one, other in zip(query.get_weights(), key.get_weights()):
            np.testing.assert_array_equal(one, other)


def test_keys_follow_by_the_momentum():
    model = moco(momentum=0.999)
    bias(model, "projection_head").assign([3.0, 4.0])
    bias(model, "key_projection_head").assign([1.0, -2.0])

    model.before_update(None)
    once = bias(model, "key_projection_head").numpy()
    model.before_update(None)
    model.before_update(None)

    # 0.999 * 1 + 0.001 * 3 and 0.999 * -2 + 0.001 * 4.
    np.testing.assert_allclose(once, [1.002, -1.994], rtol=1e-6)
    np.testing.assert_allclose(
        bias(model, "key_projection_head"), [1.005994002, -1.982017994], rtol=1e-6
    )


def test_every_trainable_weight_of_the_keys_follows_and_no_statistic():
    model = moco(momentum=0.25)
    for variable in model.variables_of("query", trainable=True):
        variable.assign_add(tf.ones_like(variable))
    for variable in model.variables_of("query", trainable=False):
        variable.assign_add(tf.ones_like(variable))
    before = [v.numpy() for v in model.variables_of("key", trainable=True)]
    statistics = [v.numpy() for v in model.variables_of("key", trainable=False)]

    model.before_update(None)

    for old, new in zip(before, model.variables_of("key", trainable=True)):
        np.testing.assert_allclose(new, old + 0.75, rtol=1e-5)
    for old, new in zip(statistics, model.variables_of("key", trainable=False)):
        np.testing.assert_array_equal(new, old)


def test_statistics_of_the_keys_come_from_their_own_forward_passes():
    model = moco()
    inputs, targets = example()
    layer = model.get_layer("key_encoder").get_layer("key_encoder_trunk").layers[2]
    assert isinstance(layer, keras.layers.BatchNormalization)
    convolution = model.get_layer("key_encoder").get_layer("key_encoder_trunk").layers[1]
    standardised = model.get_layer("key_encoder").get_layer("standardise")(inputs["key"])
    convolved = convolution(standardised).numpy()

    tf.function(model.train_step)((inputs, targets))

    np.testing.assert_allclose(
        layer.moving_mean, 0.1 * convolved.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-5
    )


def test_the_optimizer_moves_the_query_encoder_alone():
    model = moco(momentum=0.5)
    query, key = (model.variables_of(role, trainable=True) for role in ("query", "key"))
    assert {v.ref() for v in model.players()["model"]} == {v.ref() for v in query}
    started = [v.numpy() for v in query]

    tf.function(model.train_step)(example())

    # Equal at first, the keys did not move in the first step, whatever the gradient.
    for old, moved, still in zip(started, query, key):
        np.testing.assert_array_equal(still, old)
        assert not np.array_equal(moved, old)


def test_neither_keys_nor_queue_get_a_gradient():
    model = moco(bn_splits=2)
    inputs, targets = example()
    fixed = [
        *model.variables_of("key", trainable=True),
        model.get_layer("queue").queue,
    ]

    with tf.GradientTape() as tape:
        tape.watch(fixed)
        _, losses = model.losses_of(inputs, targets, None, training=True)

    assert tape.gradient(losses["model"], fixed) == [None] * len(fixed)


# The queue and the loss.


def test_the_loss_is_taken_before_the_keys_are_enqueued():
    model = moco()
    inputs, targets = example()
    expected = loss_of(model, inputs, training=True)
    keys = model.losses_of(inputs, targets, None, training=True)[0]["keys"].numpy()

    tf.function(model.train_step)((inputs, targets))

    assert float(model.metrics[0].result()) == pytest.approx(expected, rel=1e-5)
    queue = model.get_layer("queue")
    np.testing.assert_allclose(queue.queue[:BATCH], keys, rtol=1e-4, atol=1e-6)
    assert int(queue.queue_ptr) == BATCH


def test_the_loss_is_that_of_the_formula():
    model = moco(temperature=0.5)
    inputs, _ = example()
    outputs = model(inputs, training=False)
    q, k = outputs["queries"].numpy(), outputs["keys"].numpy()
    negatives = model.get_layer("queue").queue.numpy()

    expected = [
        -np.log(
            np.exp(one @ own / 0.5)
            / (np.exp(one @ own / 0.5) + np.exp(negatives @ one / 0.5).sum())
        )
        for one, own in zip(q, k)
    ]

    np.testing.assert_allclose(np.linalg.norm([q, k], axis=-1), 1.0, rtol=1e-5)
    assert loss_of(model, inputs) == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("role", ["projection_head", "key_projection_head"])
def test_the_length_of_raw_queries_and_keys_does_not_matter(role):
    model = moco()
    inputs, _ = example()
    before = loss_of(model, inputs)

    for variable in model.get_layer(role).trainable_variables:
        variable.assign(3.0 * variable)

    assert loss_of(model, inputs) == pytest.approx(before, rel=1e-5)


def test_the_order_of_the_queue_does_not_matter():
    model = moco()
    inputs, _ = example()
    before = loss_of(model, inputs)
    queue = model.get_layer("queue").queue

    queue.assign(tf.reverse(queue, [0]))

    assert loss_of(model, inputs) == pytest.approx(before, rel=1e-5)


def test_symmetric_sums_both_losses_and_enqueues_both_batches():
    model = moco(symmetric=True)
    inputs, targets = example()
    one_way = moco()
    one_way.set_weights(model.get_weights())
    swapped = {**inputs, "query": inputs["key"], "key": inputs["query"]}

    total = loss_of(model, inputs)

    assert total == pytest.approx(loss_of(one_way, inputs) + loss_of(one_way, swapped), rel=1e-5)
    first = one_way.losses_of(inputs, targets, None, training=True)[0]["keys"]
    second = one_way.losses_of(swapped, targets, None, training=True)[0]["keys"]
    tf.function(model.train_step)((inputs, targets))
    np.testing.assert_allclose(
        model.get_layer("queue").queue, tf.concat([first, second], axis=0), rtol=1e-3, atol=1e-5
    )
    assert int(model.get_layer("queue").queue_ptr) == 0


# Batch normalisation over groups and replicas.


def test_one_replica_alone_needs_no_shuffling_and_two_groups_do():
    inputs, targets = example()
    # In the order of the batch: sorting changes nothing.
    ordered = {**inputs, "shuffle": tf.range(float(BATCH))}

    def keys(model, inputs):
        return model.losses_of(inputs, targets, None, training=True)[0]["keys"].numpy()

    np.testing.assert_array_equal(keys(moco(), inputs), keys(moco(), ordered))
    shuffled = keys(moco(bn_splits=2), inputs)
    assert not np.allclose(shuffled, keys(moco(bn_splits=2), ordered))
    np.testing.assert_allclose(
        keys(moco(bn_splits=2, shuffle_bn=False), inputs),
        keys(moco(bn_splits=2), ordered),
        atol=1e-6,
    )


@pytest.mark.parametrize("symmetric", [False, True])
def test_two_replicas_are_as_two_groups_of_one(symmetric):
    steps = 2
    alone = moco(bn_splits=2, symmetric=symmetric, momentum=0.5)
    step = tf.function(alone.train_step)
    for number in range(steps):
        step(example(number))
    strategy = two_replicas()
    with strategy.scope():
        model = moco(symmetric=symmetric, momentum=0.5)
    parts = []
    for number in range(steps):
        for half in (slice(0, BATCH // 2), slice(BATCH // 2, None)):
            one = tf.nest.map_structure(lambda x, half=half: x[half], example(number))
            parts.append(tf.data.Dataset.from_tensors(one))
    data = parts[0]
    for part in parts[1:]:
        data = data.concatenate(part)

    model.fit(
        strategy.distribute_datasets_from_function(lambda _: data),
        steps_per_epoch=steps,
        verbose=0,
    )

    for one, other in zip(alone.weights, model.weights):
        copies = strategy.experimental_local_results(other)
        if "moving" not in other.name:  # of which each replica has its own until they are read
            for copy in copies:
                np.testing.assert_array_equal(copy, copies[0])
        np.testing.assert_allclose(other.numpy(), one.numpy(), rtol=2e-3, atol=2e-5)
    assert model.get_layer("queue").queue_ptr.numpy() == (0 if symmetric else steps * BATCH % 16)


def test_groups_that_do_not_divide_the_batch_are_refused():
    model = moco(bn_splits=3)

    with pytest.raises(ConfigurationError, match="bn_splits=3 for 8 examples"):
        tf.function(model.train_step)(example())


# Saving.


def test_a_saved_model_keeps_how_it_steps(tmp_path):
    model = moco(momentum=0.9, bn_splits=2, symmetric=True, shuffle_bn=False)
    model.save(tmp_path / "moco.keras")

    loaded = keras.models.load_model(tmp_path / "moco.keras", compile=False)

    assert (loaded.momentum, loaded.bn_splits) == (0.9, 2)
    assert (loaded.symmetric, loaded.shuffle_bn) == (True, False)
    inputs, _ = example()
    loaded.compile("sgd")
    assert loss_of(loaded, inputs) == pytest.approx(loss_of(model, inputs), rel=1e-5)
