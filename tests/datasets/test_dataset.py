"""Tests of sslkeras.datasets.dataset."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.datasets.dataset import (
    ArraySplit,
    Dataset,
    Given,
    Order,
    Share,
    as_dataset,
    as_float,
    shuffled_index,
)
from sslkeras.errors import DataError


def array_split(size=10):
    return ArraySplit({"x": np.arange(size), "y": np.arange(size) * 10})


def stream_split(size=10, buffer=100):
    examples = tf.data.Dataset.from_tensor_slices({"x": np.arange(size), "y": np.arange(size) * 10})
    return Given(examples, shuffle_buffer=buffer).train


SPLITS = pytest.mark.parametrize("make_split", [array_split, stream_split])


def x_of(batches, count):
    return [batch["x"].numpy().tolist() for batch in batches.take(count)]


@SPLITS
def test_each_pass_is_a_permutation(make_split):
    batches = x_of(make_split().batches(5, order=Order(3, 0)), 6)

    for first in (0, 2, 4):
        assert sorted(batches[first] + batches[first + 1]) == list(range(10))


@SPLITS
def test_passes_epochs_and_seeds_differ_in_order(make_split):
    split = make_split()
    first, second = x_of(split.batches(10, order=Order(3, 0)), 2)
    (next_epoch,) = x_of(split.batches(10, order=Order(3, 1)), 1)
    (other_seed,) = x_of(split.batches(10, order=Order(4, 0)), 1)

    orders = [first, second, next_epoch, other_seed]

    assert len({tuple(order) for order in orders}) == 4
    assert list(range(10)) not in orders


@SPLITS
def test_equal_seeds_give_equal_orders_whatever_the_global_seed(make_split):
    tf.random.set_seed(1)
    once = x_of(make_split().batches(4, order=Order(3, 2)), 4)
    tf.random.set_seed(2)
    again = x_of(make_split().batches(4, order=Order(3, 2)), 4)

    assert once == again


@SPLITS
def test_a_negative_or_huge_seed_is_allowed(make_split):
    for seed in (-1, 2**40):
        (batch,) = x_of(make_split().batches(10, order=Order(seed, 0)), 1)

        assert sorted(batch) == list(range(10))


@SPLITS
@pytest.mark.parametrize("start", [1, 3])
def test_starting_later_equals_dropping_the_batches_before(make_split, start):
    order = Order(0, 1)
    whole = x_of(make_split().batches(4, order=order), 6)

    late = x_of(make_split().batches(4, order=order, start=start), 6 - start)

    assert late == whole[start:]


@SPLITS
def test_starting_later_works_without_an_order(make_split):
    assert x_of(make_split().batches(4, start=1), 9) == [[4, 5, 6, 7], [8, 9]]


@SPLITS
def test_shares_concatenate_to_the_global_batch(make_split):
    order = Order(0, 0)
    whole = x_of(make_split().batches(6, order=order, start=1), 4)

    shares = [
        x_of(make_split().batches(6, order=order, start=1, share=Share(index, 3)), 4)
        for index in range(3)
    ]

    assert [sum(parts, []) for parts in zip(*shares, strict=True)] == whole


@SPLITS
def test_a_batch_that_cannot_be_shared_is_refused(make_split):
    with pytest.raises(DataError, match="multiple of the 2 input pipelines. Received: 5"):
        make_split().batches(5, order=Order(0, 0), share=Share(0, 2))


@SPLITS
def test_only_the_wanted_features_are_given(make_split):
    split = make_split()

    for order in (None, Order(0, 0)):
        assert set(split.batches(2, order=order, only=("y",)).element_spec) == {"y"}
        assert set(split.batches(2, order=order).element_spec) == {"x", "y"}


@SPLITS
def test_without_an_order_one_pass_is_given_with_a_smaller_last_batch(make_split):
    assert x_of(make_split().batches(4), 99) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@SPLITS
def test_features_stay_together(make_split):
    (batch,) = make_split().batches(10, order=Order(0, 0)).take(1)

    np.testing.assert_array_equal(batch["y"], batch["x"] * 10)


@SPLITS
def test_training_batches_have_a_static_size(make_split):
    assert make_split().batches(4, order=Order(0, 0)).element_spec["x"].shape == (4,)


@SPLITS
def test_a_batch_larger_than_the_split_runs_into_the_next_passes(make_split):
    split = make_split(3)
    passes = x_of(split.batches(3, order=Order(0, 0)), 3)

    (batch,) = x_of(split.batches(8, order=Order(0, 0)), 1)

    assert batch == sum(passes, [])[:8]
    assert sorted(batch[:3]) == sorted(batch[3:6]) == [0, 1, 2]


@SPLITS
def test_epoch_and_start_may_be_tensors_of_a_traced_function(make_split):
    split = make_split()
    expected = [x_of(split.batches(5, order=Order(0, epoch), start=1), 2) for epoch in (3, 4)]
    fresh = make_split()  # First used while a function is traced.

    epochs = tf.data.Dataset.range(3, 5).flat_map(
        lambda epoch: fresh.batches(5, order=Order(0, epoch), start=epoch // epoch).take(2)
    )

    assert x_of(epochs, 9) == expected[0] + expected[1]
    assert x_of(fresh.batches(5), 1) == [[0, 1, 2, 3, 4]]


@SPLITS
def test_single_examples_come_in_the_order_of_the_batches(make_split):
    split = make_split()
    batches = x_of(split.batches(64, order=Order(0, 0)), 1)

    examples = [int(e["x"]) for e in split.examples(order=Order(0, 0)).take(64)]

    assert examples == batches[0]
    assert [int(example["x"]) for example in split.examples()] == list(range(10))


def test_every_position_of_a_pass_is_equally_likely():
    # 900 epochs of a split of 3: each index is first 300 times, standard deviation 14.
    firsts = [
        int(shuffled_index(tf.constant([0], tf.int64), 3, Order(0, e))[0]) for e in range(900)
    ]

    assert all(230 < firsts.count(index) < 370 for index in range(3))


def test_few_examples_stay_where_they_are_or_beside_their_neighbour():
    # 100 random orders of 10 examples: 100 fixed points and 200 neighbours, deviations 10 and 15.
    order = [shuffled_index(tf.range(10, dtype=tf.int64), 10, Order(5, e)) for e in range(100)]
    order = np.array(order)

    assert (order == np.arange(10)).sum() < 150
    assert (np.abs(np.diff(order, axis=1)) == 1).sum() < 270


def test_a_split_of_one_example_repeats_it():
    assert x_of(array_split(1).batches(3, order=Order(0, 0)), 1) == [[0, 0, 0]]


def test_streamed_examples_of_differing_shape_can_be_shared():
    ragged = tf.data.Dataset.range(4).map(lambda n: {"tokens": tf.range(n)})
    share = Given(ragged, shuffle_buffer=1).train.batches(2, order=Order(0, 0), share=Share(1, 2))

    assert [batch["tokens"].shape[1] for batch in share.take(2)] == [1, 3]


def test_pixels_become_floats_in_the_unit_interval_and_other_features_stay():
    batch = as_float({"image": tf.constant([0, 51, 255], tf.uint8), "label": tf.constant([7])})

    np.testing.assert_allclose(batch["image"], [0.0, 0.2, 1.0], rtol=1e-6)
    assert batch["image"].dtype == tf.float32
    assert batch["label"].dtype == tf.int32


@pytest.mark.parametrize(
    "arrays", [{"x": np.zeros(3), "y": np.zeros(2)}, {"x": np.zeros(0)}], ids=["unequal", "empty"]
)
def test_unequal_or_empty_arrays_are_refused(arrays):
    with pytest.raises(DataError, match="same number of examples, at least one. Received: {'x'"):
        ArraySplit(arrays)


def test_array_features_are_described():
    split = ArraySplit({"image": np.zeros((5, 2, 3, 1), np.uint8)})

    assert split.size == 5
    assert split.features["image"] == tf.TensorSpec((2, 3, 1), tf.uint8, "image")
    assert split.skipped == ()


def test_a_given_dataset_tells_its_size_and_features():
    split = stream_split(7)

    assert split.size == 7
    assert split.features["x"].dtype == tf.int64


def test_a_given_dataset_of_unknown_size_has_none():
    examples = tf.data.Dataset.range(6).filter(lambda n: n > 2).map(lambda n: {"x": n})

    split = Given(examples).train

    assert split.size is None
    assert x_of(split.batches(3), 9) == [[3, 4, 5]]


def test_an_endless_dataset_is_refused():
    endless = tf.data.Dataset.range(3).map(lambda n: {"x": n}).repeat()

    with pytest.raises(DataError, match="must be finite.*Leave out repeat"):
        Given(endless)


def test_an_empty_dataset_is_refused():
    with pytest.raises(DataError, match="must have an example. Received: an empty"):
        Given(tf.data.Dataset.range(0).map(lambda n: {"x": n}))


def test_a_dataset_of_tuples_is_refused_with_what_it_has():
    with pytest.raises(DataError, match="dicts of features. Received: TensorSpec.*Map it to dicts"):
        Given(tf.data.Dataset.range(3))


def test_missing_held_out_examples_are_an_error_that_says_how_to_give_them():
    with pytest.raises(DataError, match=r"training split only.*Given\(train, test\)"):
        _ = Given(array_split()).test


def test_anything_that_can_be_a_dataset_becomes_one():
    split = array_split()
    given = Given(split)

    assert as_dataset(given) is given
    assert as_dataset(split).train is split
    assert isinstance(as_dataset(tf.data.Dataset.range(2).map(lambda n: {"x": n})), Dataset)
    with pytest.raises(DataError, match="must be a name.*Received: int"):
        as_dataset(3)
