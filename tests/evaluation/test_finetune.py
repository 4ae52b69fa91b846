"""Tests of sslkeras.evaluation.finetune."""

import numpy as np
import pytest

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import NonFiniteLossError
from sslkeras.evaluation.finetune import Finetune, batch_indices, labelled_batches
from sslkeras.evaluation.probe import Subject


@pytest.fixture
def pretrained(run):
    return Subject("pretrained", run.data, "image", run.encoders["encoder"], pooling="flatten")


def test_without_steps_the_trained_trunk_equals_the_frozen_one(pretrained):
    result = Finetune(labels=0.5, steps=0).run(pretrained, seed=1)

    assert result["top-1"] == result["frozen top-1"]


def test_training_learns_on_a_clone(pretrained):
    before = pretrained.encoder.get_weights()
    probe = Finetune(labels=None, steps=120, head_learning_rate=0.05, encoder_learning_rate=0.01)

    result = probe.run(pretrained, seed=0)

    assert result["top-1"] > 0.6  # Chance is a third.
    assert result["frozen top-1"] > 0.6
    for weights, old in zip(pretrained.encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, old)


def test_images_may_have_another_size_than_in_pretraining(run):
    def larger(split):
        batch = next(iter(split.batches(split.size)))
        wider = np.repeat(batch["image"].numpy(), 2, axis=1)
        return ArraySplit({"image": wider, "label": batch["label"].numpy()})

    data = Given(larger(run.data.train), larger(run.data.test))
    subject = Subject("pretrained", data, "image", run.encoders["encoder"])

    result = Finetune(labels=None, steps=2).run(subject, seed=0)

    assert 0 <= result["top-1"] <= 1


def test_the_same_seed_gives_the_same_result(pretrained):
    probe = Finetune(labels=[10, 0.5], steps=5)

    assert probe.run(pretrained, seed=3) == probe.run(pretrained, seed=3)


def test_each_amount_starts_from_the_first_weights(pretrained):
    both = Finetune(labels=[10, 0.5], steps=20, encoder_learning_rate=0.05).run(pretrained, 0)
    alone = Finetune(labels=[0.5], steps=20, encoder_learning_rate=0.05).run(pretrained, 0)

    assert both["top-1, 50% of labels"] == alone["top-1, 50% of labels"]


def test_the_learning_rate_of_the_trunk_depends_on_its_kind(run, pretrained):
    random = Subject("random init", run.data, "image", run.encoders["encoder"], pooling="flatten")
    rates = dict(encoder_learning_rate=1e-9, head_learning_rate=0.05, steps=40, labels=None)
    same = Finetune(scratch_learning_rate=1e-9, **rates)
    other = Finetune(scratch_learning_rate=0.1, **rates)

    assert same.run(random, 0) == other.run(pretrained, 0)
    assert other.run(random, 0)["frozen top-1"] == other.run(pretrained, 0)["frozen top-1"]
    assert other.run(random, 0)["top-1"] != other.run(pretrained, 0)["top-1"]


def test_a_pass_over_a_small_subset_shows_each_example_once():
    batches = np.concatenate([b.numpy() for b in batch_indices(6, 4, 3, seed=0)])

    assert len(batches) == 12
    assert sorted(batches[:6]) == sorted(batches[6:]) == list(range(6))


def test_batches_are_the_same_from_a_stream_and_from_memory(data, run):
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices(data.train._arrays)
    subjects = [
        Subject("pretrained", dataset, "image", run.encoders["encoder"])
        for dataset in (data, Given(stream, data.test))
    ]
    rows, truth = np.array([3, 5, 8, 20]), np.arange(90)
    batches = [
        list(labelled_batches(subject, rows, truth, batch_indices(4, 3, 2, seed=0)))
        for subject in subjects
    ]

    for (images, labels), (other_images, other_labels) in zip(*batches, strict=True):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(labels, other_labels)
        np.testing.assert_array_equal(images, data.train._arrays["image"][labels])


def test_a_diverged_fit_is_refused(pretrained):
    probe = Finetune(labels=None, steps=3, encoder_learning_rate=1e38, head_learning_rate=1e38)

    with pytest.raises(NonFiniteLossError, match="smaller learning rates"):
        probe.run(pretrained, seed=0)
