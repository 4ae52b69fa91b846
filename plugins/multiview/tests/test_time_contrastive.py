"""Tests of sslkeras_multiview.time_contrastive."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_multiview.contrasts import n_pairs
from sslkeras_multiview.time_contrastive import TimeContrastive

import sslkeras
from sslkeras.datasets.dataset import ArraySplit
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.testing.replicas import two_replicas

SEED = tf.constant([5, 6])
SMALL = {
    "image_size": 8,
    "pairs_per_sequence": 3,
    "embedding_dim": 4,
    "conv_filters": (8,),
    "dense_units": (6,),
    "normalization": "none",
    "dropout": 0.0,
    "crop_min_area": 1.0,
    "canvas_max_scale": 1.0,
    "brightness": 0.0,
    "saturation": 0.0,
}
TRUNK = "convnet(filters=(8,), strides=(2,), batch_norm=False)"
# Each pixel tells its view and its moment.
VIEWS = np.zeros((4, 2, 10, 8, 8, 1), np.float32)
VIEWS += np.arange(10).reshape(10, 1, 1, 1) / 100 + np.arange(2).reshape(2, 1, 1, 1, 1) / 2


def told(frames):
    """View and moment of each frame of `VIEWS`."""
    value = frames.numpy()[..., 0, 0, 0]
    return (value >= 0.5).astype(int), np.round(value % 0.5 * 100).astype(int)


def built(task, data, encoder=TRUNK):
    examples = task.examples(data.train, batch_size=2)
    encoder = sslkeras.encoders.create(encoder)
    return task.build_model(examples.element_spec[0], encoder, data), examples


@pytest.fixture(scope="module")
def digits():
    return sslkeras.datasets.create(
        "two_view_digits(num_examples=64, num_test=8, size=8, num_frames=10)"
    )


def test_pairs_show_one_moment_by_two_cameras():
    inputs, _ = TimeContrastive(**SMALL).pretext({"views": tf.constant(VIEWS)}, SEED)

    view, moment = told(inputs["frames"])
    np.testing.assert_array_equal(moment, inputs["time"])
    np.testing.assert_array_equal(moment[:, :3], moment[:, 3:])
    np.testing.assert_array_equal(view[:, :3], 1 - view[:, 3:])
    assert all(len(set(row)) == 3 for row in moment[:, :3])


def test_negatives_of_triplets_are_of_the_anchors_camera_and_another_moment():
    task = TimeContrastive(**SMALL, objective="triplet")

    inputs, _ = task.pretext({"views": tf.constant(VIEWS)}, SEED)

    view, moment = told(inputs["frames"])
    np.testing.assert_array_equal(view[:, 6:], view[:, :3])
    assert (moment[:, 6:] != moment[:, :3]).all()


def test_one_view_shows_frames_in_a_row():
    task = TimeContrastive(
        **SMALL, mode="singleview", objective="triplet_semihard", pos_radius=1, neg_radius=2
    )

    inputs, _ = task.pretext({"video": tf.constant(VIEWS[:, 1])}, SEED)

    view, moment = told(inputs["frames"])
    assert (view == 1).all() and (np.diff(moment, axis=1) == 1).all()
    np.testing.assert_array_equal(moment, inputs["time"])


def test_joints_are_those_of_the_frames():
    joints = np.arange(4 * 10 * 2, dtype=np.float32).reshape(4, 10, 2)
    batch = {"views": VIEWS, "joints": joints, "joints_known": np.array([1, 0, 0, 1.0])}
    task = TimeContrastive(**SMALL, joint_regression=True)

    inputs, targets = task.pretext({k: tf.constant(v) for k, v in batch.items()}, SEED)

    expected = np.take_along_axis(joints, inputs["time"].numpy()[..., np.newaxis], axis=1)
    np.testing.assert_array_equal(targets["joints"], expected)
    np.testing.assert_array_equal(targets["known"], [1, 0, 0, 1])


def test_embeddings_of_triplets_have_length_one_and_those_of_n_pairs_need_not(digits):
    for objective, unit in (("npairs", False), ("triplet_semihard", True), ("triplet", True)):
        task = TimeContrastive(**SMALL, objective=objective)
        model, examples = built(task, digits)
        inputs, _ = next(iter(examples))
        length = np.linalg.norm(model(inputs)["embeddings"], axis=-1)
        assert np.allclose(length, 1, atol=1e-5) == unit


def test_the_loss_is_that_of_the_embeddings(digits):
    task = TimeContrastive(**SMALL, npairs_regularization=0.5)
    model, examples = built(task, digits)
    inputs, targets = next(iter(examples))
    embeddings = model(inputs)["embeddings"]
    anchors, positives = (tf.reshape(part, [-1, 4]) for part in tf.split(embeddings, 2, axis=1))

    model.compile("sgd", loss=task.loss(), metrics=task.metrics())
    _, losses = model.losses_of(inputs, targets, None, training=False)

    expected = n_pairs(anchors, positives, positives, tf.range(6), 0.5)
    np.testing.assert_allclose(losses["model"], expected, rtol=1e-5)


def test_joints_that_are_not_known_cost_nothing():
    data = sslkeras.datasets.create(
        "planar_arms(num_others=2, num_robots=2, num_test=1, size=8, num_frames=6)"
    )
    task = TimeContrastive(**SMALL, joint_regression=True, contrast_weight=0.0)
    model, examples = built(task, data)
    inputs, targets = next(iter(examples))
    model.compile("sgd", loss=None)
    predicted = model(inputs)["joints"].numpy()

    for known in ([1, 0], [0, 1], [1, 1], [0, 0]):
        given = {"joints": targets["joints"], "known": tf.constant(known, tf.float32)}
        _, losses = model.losses_of(inputs, given, None, training=False)
        error = ((predicted - targets["joints"].numpy()) ** 2).mean(axis=(1, 2))
        expected = (error * known).sum() / max(sum(known), 1)
        np.testing.assert_allclose(losses["model"], expected, rtol=1e-5)


def test_a_frozen_trunk_does_not_move(digits):
    task = TimeContrastive(**SMALL, train_trunk=False)
    model, examples = built(task, digits, "convnet(filters=(8,), strides=(2,))")
    trunk = model.get_layer("encoder").get_layer("trunk")
    before, others = trunk.get_weights(), model.get_layer("encoder").get_weights()

    model.compile(keras.optimizers.SGD(0.1), loss=task.loss())
    model.fit(examples.take(2), verbose=0)

    for old, new in zip(before, trunk.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    after = model.get_layer("encoder").get_weights()
    assert any((old != new).any() for old, new in zip(others, after, strict=True))


def losses_on_two_replicas(model_of, inputs, targets):
    strategy = two_replicas()
    with strategy.scope():
        model = model_of()
        model.compile("sgd", loss=None)

    def part(value):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.split(value, 2)[context.replica_id_in_sync_group]
        )

    @tf.function
    def shares(inputs, targets):
        return strategy.run(
            lambda x, y: model.losses_of(x, y, None, training=True)[1]["model"], (inputs, targets)
        )

    found = shares({k: part(v) for k, v in inputs.items()}, part(targets))
    return sum(float(share) for share in strategy.experimental_local_results(found))


@pytest.mark.parametrize("objective", ["npairs", "triplet_semihard"])
def test_frames_of_other_replicas_are_negatives_unless_told_otherwise(digits, objective):
    values = {}
    for gather in (True, False):
        task = TimeContrastive(**SMALL, objective=objective, gather_negatives=gather)
        examples = task.examples(digits.train, batch_size=4)
        inputs, targets = next(iter(examples))

        def model_of(task=task, spec=examples.element_spec[0]):
            keras.utils.set_random_seed(0)
            return task.build_model(spec, sslkeras.encoders.create(TRUNK), digits)

        alone = model_of()
        alone.compile("sgd", loss=None)
        one = float(alone.losses_of(inputs, targets, None, training=True)[1]["model"])
        values[gather] = (one, losses_on_two_replicas(model_of, inputs, targets))

    np.testing.assert_allclose(values[True][1], values[True][0], rtol=1e-5)
    assert abs(values[False][1] - values[True][1]) > 1e-3 * values[True][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "singleview"}, "`mode` of TimeContrastive must be 'multiview' for"),
        ({"pos_radius": 12}, "`pos_radius` of TimeContrastive must be less than `neg_radius`"),
        ({"window": 8}, "`window` of TimeContrastive must hold"),
        ({"normalization": "group", "conv_filters": (12,)}, "multiples of 8"),
        ({"objective": "lifted"}, "`objective` of TimeContrastive"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        TimeContrastive(**arguments)


@pytest.mark.parametrize("shape", [(1, 10, 8, 8, 3), (2, 2, 8, 8, 3)])
def test_one_view_and_short_sequences_are_refused(shape):
    split = ArraySplit({"views": np.zeros((2, *shape), np.uint8)})

    with pytest.raises(DataError, match="needs 'views' of at least 2 x 3"):
        TimeContrastive(**SMALL).check(split)


def test_sequences_of_unknown_length_and_frames_of_many_channels_are_refused():
    spec = {"views": tf.TensorSpec([2, None, 8, 8, 1], tf.uint8)}
    data = sslkeras.datasets.as_dataset(
        tf.data.Dataset.from_generator(
            lambda: [{"views": np.zeros((2, 9, 8, 8, 1), np.uint8)}], output_signature=spec
        )
    )

    with pytest.raises(DataError, match="of one known size"):
        TimeContrastive(**SMALL).check(data.train)
    with pytest.raises(DataError, match="gray or colour frames"):
        TimeContrastive(**SMALL).check(ArraySplit({"views": np.zeros((2, 2, 9, 8, 8, 2))}))


def test_the_papers_network_takes_a_step():
    views = np.random.default_rng(0).integers(0, 255, (2, 2, 6, 40, 60, 3), dtype=np.uint8)
    data = sslkeras.datasets.as_dataset(ArraySplit({"views": views}))
    task = TimeContrastive(pairs_per_sequence=2)

    run = sslkeras.pretrain(
        task, data, "alexnet(batch_norm='plain')", steps=1, batch_size=1, learning_rate=1e-4
    )

    assert math.isfinite(run.history[-1]["loss"])
    encoder = run.encoders["encoder"]
    assert encoder.input_shape == (None, 299, 299, 3) and encoder.output_shape == (None, 32)
    assert encoder.get_layer("places").output_shape == (None, 1024)


def test_learns_what_the_views_have_in_common():
    task = TimeContrastive(
        **{**SMALL, "image_size": 16, "pairs_per_sequence": 10},
        softmax_temperature=0.2,
    )
    data = "two_view_digits(num_examples=256, num_test=16, size=16, num_frames=20)"

    run = sslkeras.pretrain(
        task,
        data,
        "convnet(filters=(16, 32), strides=(2, 1), group_norm=8)",
        steps=300,
        batch_size=2,
        learning_rate=3e-3,
    )
    result = sslkeras.evaluate(run)

    rows = {row.protocol: row for row in result.probes}
    error = rows["alignment_error"].metrics()["error"]
    assert error < 0.22, error  # Chance is a third; untrained encoders are near it.
