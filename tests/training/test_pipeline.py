"""Tests of sslkeras.training.pipeline."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.datasets import ArraySplit, Given, Share
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.training import pipeline
from tests.toys import Denoise, stripes


class Numbered(Denoise):
    """Hands the raw index on, so that a test sees which example went where."""

    reads = {"index": ()}

    def pretext(self, batch, seed):
        noise = tf.random.stateless_uniform(tf.shape(batch["index"]), seed)
        return batch["index"], noise


class Pairs(Numbered):
    """Selects every second example, as a task that rejects does."""

    def select(self, examples, seed):
        return examples.filter(lambda example: example["index"] % 2 == 0)

    def examples_per_epoch(self, size):
        return size // 2


SPLIT = ArraySplit({"index": np.arange(20)})


def stream(task=None, batch_size=4, steps=5, epoch=0, step=0, epochs=2, seed=3, **more):
    task = task or Numbered()
    data = pipeline.training_batches(
        task,
        SPLIT,
        batch_size,
        pretext=task.pretext,
        steps=steps,
        epoch=epoch,
        step=step,
        epochs=epochs,
        seed=seed,
        share=more.pop("share", Share()),
        **more,
    )
    return [tuple(np.asarray(part) for part in batch) for batch in data]


def same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs):
        for x, y in zip(a, b):
            np.testing.assert_array_equal(x, y)


def test_an_epoch_sees_each_example_once_in_an_order_of_its_own():
    batches = stream()
    first, second = (np.concatenate([b[0] for b in batches[i : i + 5]]) for i in (0, 5))

    assert sorted(first) == sorted(second) == list(range(20))
    assert first.tolist() != second.tolist()


def test_no_two_steps_share_their_randomness_and_equal_seeds_repeat_it():
    noise = np.concatenate([b[1] for b in stream()])

    assert len(np.unique(noise)) == len(noise)
    same(stream(), stream())
    assert not np.array_equal(stream(seed=4)[0][0], stream()[0][0])


@pytest.mark.parametrize("task", [Numbered(), Pairs()])
@pytest.mark.parametrize(("epoch", "step"), [(0, 2), (1, 0), (1, 3)])
def test_a_resumed_stream_goes_on_exactly_where_it_broke(task, epoch, step):
    steps = 5 if isinstance(task, Pairs) is False else 2

    if step >= steps:
        step = steps - 1
    whole = stream(task, steps=steps)

    same(stream(task, steps=steps, epoch=epoch, step=step), whole[epoch * steps + step :])


def test_stages_have_orders_and_randomness_of_their_own():
    assert not np.array_equal(stream(stream=1)[0][0], stream()[0][0])
    assert not np.array_equal(stream(stream=1)[0][1], stream()[0][1])


def test_workers_share_each_global_batch():
    whole = stream()
    left, right = (stream(share=Share(i, 2)) for i in (0, 1))

    for batch, a, b in zip(whole, left, right):
        np.testing.assert_array_equal(batch[0], np.concatenate([a[0], b[0]]))


def test_replicas_get_slices_of_what_one_replica_would_get():
    whole, halves = stream(), stream(replicas=2)

    for n, batch in enumerate(whole):
        for part in (0, 1):
            joined = np.concatenate([halves[2 * n][part], halves[2 * n + 1][part]])
            np.testing.assert_array_equal(joined, batch[part])


def test_the_device_gets_the_raw_batch_and_the_seed_that_give_the_hosts_answer():
    host = stream()
    task = Numbered()

    for (index, noise), (raw, seed) in zip(host, _device_batches(task)):
        inputs, targets = task.pretext(raw, seed)
        np.testing.assert_array_equal(inputs, index)
        np.testing.assert_array_equal(targets, noise)


def _device_batches(task):
    return pipeline.training_batches(
        task,
        SPLIT,
        4,
        pretext=task.pretext,
        pretext_on="device",
        steps=5,
        epoch=0,
        step=0,
        epochs=2,
        seed=3,
        share=Share(),
    )


def test_held_out_batches_are_one_fixed_pass_with_the_smaller_last_batch():
    task = Numbered()
    once, again = (
        [tuple(np.asarray(p) for p in b) for b in pipeline.held_out_batches(task, SPLIT, 8)]
        for _ in range(2)
    )

    assert np.concatenate([b[0] for b in once]).tolist() == list(range(20))
    same(once, again)


def test_user_examples_are_an_epoch_that_changes_each_time_it_is_iterated():
    examples = Numbered().examples(SPLIT, 4)
    first, second = (np.concatenate([b[0] for b in examples]) for _ in range(2))

    assert int(examples.cardinality()) == 5
    assert sorted(first) == sorted(second) == list(range(20))
    assert first.tolist() != second.tolist()


def test_user_examples_take_a_plain_tf_dataset():
    data = tf.data.Dataset.from_tensor_slices({"index": tf.range(20)})

    assert sorted(np.concatenate([b[0] for b in Numbered().examples(data, 5)])) == list(range(20))


def test_user_examples_are_fixed_when_not_training():
    examples = Numbered().examples(SPLIT, 8, training=False)

    assert np.concatenate([b[0] for b in examples]).tolist() == list(range(20))


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, "8"])
def test_an_impossible_batch_size_is_refused(batch_size):
    with pytest.raises(ConfigurationError, match="`batch_size` must be an integer >= 1"):
        Numbered().examples(SPLIT, batch_size)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(DataError, match="batch_size=21 for 20 examples"):
        Numbered().examples(SPLIT, 21)


def test_an_epoch_of_unknown_length_needs_steps():
    data = tf.data.Dataset.from_tensor_slices({"index": tf.range(20)}).filter(lambda e: True)

    with pytest.raises(DataError, match="Give `steps_per_epoch`"):
        Numbered().examples(data, 4)
    assert len(list(Numbered().examples(data, 4, steps=3))) == 3


def test_a_missing_feature_is_named_with_what_there_is():
    with pytest.raises(
        DataError, match="reads the feature 'index'.*Received: a dataset with image, label"
    ):
        Numbered().examples(stripes().train, 4)


def test_too_small_examples_are_named_with_both_sizes():
    data = Given(ArraySplit({"image": np.zeros([8, 3, 9, 1], np.uint8)}))

    with pytest.raises(DataError, match="at least 4 x 4 x 1. Received: 3 x 9 x 1"):
        Denoise().examples(data.train, 4)
