"""Tests of sslkeras_contrastive.moco."""

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from sslkeras_contrastive.moco import MoCo

import sslkeras
from sslkeras.datasets import ArraySplit, Given
from sslkeras.errors import ConfigurationError
from sslkeras.training.schedules import create_schedule

SEED = tf.constant([3, 4])


def images(count=6, side=12, channels=3):
    return tf.random.stateless_uniform([count, side, side, channels], [0, channels])


def test_defaults_are_the_papers():
    task = MoCo()

    assert task.get_config() == {
        "projection_dim": 128,
        "queue_size": 65536,
        "momentum": 0.999,
        "temperature": None,
        "mlp_head": False,
        "augmentation": "v1",
        "image_size": 224,
        "crop_min_area": 0.2,
        "flip_probability": 0.5,
        "shuffle_bn": True,
        "bn_splits": 1,
        "symmetric": False,
        "standardise": True,
    }


# The pretext.


@pytest.mark.parametrize("augmentation", ["v1", "v2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_two_views_are_drawn_independently(augmentation, channels):
    task = MoCo(image_size=8, augmentation=augmentation)

    inputs, targets = task.pretext({"image": images(channels=channels)}, SEED)

    assert inputs["query"].shape == inputs["key"].shape == (6, 8, 8, channels)
    # No view of one is the other's: not one example shares its numbers.
    gap = np.abs(inputs["query"] - inputs["key"]).max(axis=(1, 2, 3))
    assert gap.min() > 0.01
    assert len(set(inputs["shuffle"].numpy())) == 6
    np.testing.assert_array_equal(targets, [0] * 6)


def test_images_of_four_channels_are_refused():
    with pytest.raises(ConfigurationError, match=r"1 or 3 channels. Received: \(6, 12, 12, 4\)"):
        MoCo(image_size=8).pretext({"image": images(channels=4)}, SEED)


# The model.


def build(task, channels=3, encoder="convnet(filters=(4, 6), strides=(2, 2))"):
    spec = tf.TensorSpec([None, task.image_size, task.image_size, channels])
    inputs = {"query": spec, "key": spec, "shuffle": tf.TensorSpec([None])}
    return task.build_model(inputs, sslkeras.encoders.create(encoder), None)


def test_the_head_of_v1_is_one_layer_and_that_of_v2_two_as_wide_as_the_trunk():
    one, two = (build(MoCo(image_size=8, queue_size=8, mlp_head=mlp)) for mlp in (False, True))

    shapes = [
        [tuple(v.shape) for v in model.get_layer("projection_head").weights] for model in (one, two)
    ]

    assert shapes == [[(6, 128), (128,)], [(6, 6), (6,), (6, 128), (128,)]]
    assert (one.get_layer("queue").temperature, two.get_layer("queue").temperature) == (0.07, 0.2)
    own = build(MoCo(image_size=8, queue_size=8, mlp_head=True, temperature=0.1))
    assert own.get_layer("queue").temperature == 0.1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_encoder_standardises_pixels_as_published(channels):
    task = MoCo(image_size=8, queue_size=8)
    model = build(task, channels)
    encoder = task.encoders(model)["encoder"]
    trunk = encoder.get_layer("encoder_trunk")
    pixels = images(3, 8, channels).numpy()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    if channels == 1:
        mean, std = mean.mean(), std.mean()

    features = encoder(pixels)

    np.testing.assert_allclose(features, trunk((pixels - mean) / std), rtol=1e-3, atol=1e-5)
    raw = build(MoCo(image_size=8, queue_size=8, standardise=False), channels)
    raw = raw.get_layer("encoder")
    np.testing.assert_allclose(raw(pixels), raw.get_layer("encoder_trunk")(pixels), rtol=1e-5)


def test_the_encoder_that_transfers_is_the_query_trunk_without_head():
    task = MoCo(image_size=8, queue_size=8)
    model = build(task)

    assert set(task.encoders(model)) == {"encoder"}
    assert task.encoders(model)["encoder"].output_shape == (None, 2, 2, 6)


def test_weights_taken_from_another_run_are_copied_to_the_keys_before_the_first_step():
    task = MoCo(image_size=8, queue_size=8)
    model = build(task)
    encoder = model.get_layer("encoder")
    encoder.set_weights([w + 1.0 for w in encoder.get_weights()])

    task.adapt(model, [])

    for one, other in zip(encoder.get_weights(), model.get_layer("key_encoder").get_weights()):
        np.testing.assert_array_equal(one, other)


# Metrics and pictures.


def test_metrics_tell_accuracy_cosines_and_spread():
    task = MoCo(temperature=0.5, queue_size=8)
    metrics = {m.name: m for group in task.metrics().values() for m in group}
    # Cosines 0.8 | 0.2 0.4 0.9 and 0.6 | 0.1 0.0 -0.1.
    logits = tf.constant([[1.6, 0.4, 0.8, 1.8], [1.2, 0.2, 0.0, -0.2]])
    queries = tf.constant([[1.0, 0.0], [0.0, 0.0]])
    for name, metric in metrics.items():
        metric.update_state(tf.zeros([2]), queries if name == "feature_std" else logits)

    found = {name: float(metric.result()) for name, metric in metrics.items()}

    assert found == pytest.approx(
        {
            "accuracy": 0.5,
            "top5_accuracy": 1.0,
            "positive_cosine": 0.7,
            "negative_cosine": 0.25,
            "feature_std": 0.25,  # 0.5 and 0
        }
    )


def test_pictures_show_both_views_and_how_many_keys_were_nearer():
    task = MoCo(image_size=8, queue_size=8)
    inputs, targets = task.pretext({"image": images()}, SEED)

    columns = task.draw(inputs, targets, {"logits": tf.constant([[1.0, 2, 0], [1, 0, 0]])})

    np.testing.assert_array_equal(columns["query"], inputs["query"])
    np.testing.assert_array_equal(columns["key"], inputs["key"])
    assert columns["answer"] == ["1 of 2 keys nearer", "0 of 2 keys nearer"]


def test_any_number_of_examples_can_be_shown(tmp_path):
    run = sslkeras.pretrain(
        "moco(image_size=8, queue_size=16, projection_dim=4)",
        "digits",
        "convnet(filters=(4,), strides=(2,))",
        steps=1,
        batch_size=8,
        validate_every=0,
    )

    assert sslkeras.show(run, pictures="withheld", examples=5, output=tmp_path)


# What is refused, and warned of.


def test_a_momentum_of_one_is_refused_and_none_warned_of(monkeypatch):
    warned = []
    monkeypatch.setattr(logging, "warning", warned.append)

    MoCo(momentum=0.0)
    with pytest.raises(
        ConfigurationError, match=r"`momentum` of MoCo must be a number in \[0, 1\)"
    ):
        MoCo(momentum=1.0)

    assert len(warned) == 1 and "momentum=0" in warned[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queue_size": 100}, "queue_size=100 for 8 keys"),
        ({"queue_size": 24, "symmetric": True}, "queue_size=24 for 16 keys"),
        ({"queue_size": 16, "bn_splits": 3}, "bn_splits=3 for a global batch of 8 on 1 replica"),
    ],
)
def test_batches_that_do_not_fit_are_refused_before_the_first_step(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        sslkeras.pretrain(
            MoCo(image_size=8, **arguments),
            "digits",
            "mlp(hidden_sizes=(4,))",
            steps=1,
            batch_size=8,
        )


def test_groups_must_divide_the_batch_of_each_replica():
    task = MoCo(queue_size=16, bn_splits=4)

    task.check_batch_size(8, 2)
    with pytest.raises(ConfigurationError, match="bn_splits=4 for a global batch of 8 on 4 rep"):
        task.check_batch_size(8, 4)


def test_examples_in_code_of_ones_own_are_checked_as_well():
    with pytest.raises(ConfigurationError, match="queue_size=100 for 8 keys"):
        MoCo(image_size=8, queue_size=100).examples(
            sslkeras.datasets.create("digits").train, batch_size=8
        )


# The run.


def test_the_cosine_schedule_is_the_papers():
    schedule = create_schedule("cosine", learning_rate=0.03, total_steps=2000, steps_per_epoch=10)

    rates = [float(schedule(10 * epoch)) for epoch in (0, 50, 100, 150, 199)]

    np.testing.assert_allclose(
        rates, [0.03, 0.0256066017, 0.015, 0.0043933983, 1.8505e-06], rtol=1e-4
    )


def test_the_papers_size_takes_a_step():
    data = Given(
        ArraySplit({"image": np.random.RandomState(0).randint(0, 256, (4, 224, 224, 3), "u1")})
    )

    run = sslkeras.pretrain(
        "moco",
        data,
        "resnet50",
        steps=1,
        batch_size=2,
        optimizer="sgd(momentum=0.9)",
        learning_rate=0.03,
        validate_every=0,
    )

    assert np.isfinite(run.history[-1]["loss"])
    assert run.model.get_layer("queue").queue.shape == (65536, 128)
    assert run.encoders["encoder"].output_shape == (None, 7, 7, 2048)
    assert run.model.get_layer("queue").queue_ptr.numpy() == 2


def test_learns_to_tell_digits_apart():
    def accuracy(steps, learning_rate):
        run = sslkeras.pretrain(
            "moco(projection_dim=32, queue_size=128, momentum=0.9, mlp_head=True, image_size=12, "
            "crop_min_area=0.5, flip_probability=0.0, bn_splits=2)",
            "digits",
            "convnet(filters=(16, 32, 64), strides=(1, 2, 2))",
            steps=steps,
            batch_size=64,
            learning_rate=learning_rate,
            validate_every=0,
        )
        return run.surrogate_metrics()["accuracy"]

    # Untrained, but with its own keys in the queue and statistics at rest. Chance is 1 / 129.
    untrained, trained = accuracy(60, 1e-9), accuracy(200, 3e-3)

    assert trained > 0.15 and trained > 2.5 * untrained, (trained, untrained)
