"""From a split to the batches a model takes, as a function of (seed, epoch, step)."""

import tensorflow as tf

from sslkeras.datasets.dataset import WHOLE, IndexedSplit, Order, as_float, slice_of
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.losses.reduction import num_replicas
from sslkeras.training import data_service

# Held-out batches draw from seeds that no training step uses.
_HELD_OUT = 0x5EED
# Steps that one of several data services makes at a stretch.
_PIECE = 8


def steps_per_epoch(task, split, batch_size, steps=None) -> int:
    """Full batches in one epoch.

    Raises:
        DataError: If the size of the split is unknown and `steps` is None, or an epoch has
            no full batch.
    """
    if steps is not None:
        return steps
    if split.size is None:
        raise DataError(
            "The length of an epoch must be known. Received: a dataset of unknown size. Give "
            "`steps_per_epoch`."
        )
    examples = task.examples_per_epoch(split.size)
    if examples < batch_size:
        raise DataError(
            f"A batch must fit into the dataset. Received: batch_size={batch_size} for "
            f"{examples} examples. Choose a smaller `batch_size`."
        )
    return examples // batch_size


def pretext_seed(seed, step, stream=0):
    """The int32 `(2,)` seed of one batch: the run's seed and the step, never repeated."""
    low = (int(seed) * 0x9E3779B1 + stream * 0x85EBCA6B) % (2**31 - 1)
    return tf.stack([tf.constant(low, tf.int32), tf.cast(step, tf.int32)])


def raw_training_batches(
    task, split, batch_size, *, seed, epoch, step, steps, epochs, share=WHOLE, stream=0
):
    """Raw training batches with the seed of each step.

    Args:
        task: The `Task`.
        split: The `Split`.
        batch_size: Global batch size.
        seed: Integer seed of the run.
        epoch, step: Where to begin: epoch and step within it.
        steps: Steps in an epoch.
        epochs: Index after the last epoch.
        share: The part of each global batch wanted here.
        stream: Tells stages of one run apart.

    Returns:
        `tf.data.Dataset` of `(batch, seed)`, from the given point to the last epoch's end.
    """
    order = Order(int(seed) + 1_000_003 * stream, epoch, steps)
    batches = task.raw_batches(split, batch_size, order=order, start=step, share=share)
    first, end = epoch * steps + step, epochs * steps
    seeds = tf.data.Dataset.range(first, end).map(
        lambda number: pretext_seed(seed, number, stream * 131 + share.index)
    )
    return tf.data.Dataset.zip((batches, seeds))


def with_pretext(pretext):
    """The mapping `(raw batch, seed) -> (inputs, targets)` on float pixels."""
    return lambda batch, seed: pretext(as_float(batch), seed)


def training_batches(
    task, split, batch_size, *, pretext, pretext_on="host", replicas=1, services=(), **position
):
    """Training batches as the model's step takes them.

    `pretext_on="host"` gives `(inputs, targets)`; "device" gives `(raw batch, seed)` and
    leaves the pretext to the step. With several replicas in this process each batch comes
    as one slice a replica, in turn. The host's pretext sees the whole batch, so that the
    number of replicas changes nothing; on the device each replica gets a seed of its own.
    `services` are the dispatchers that make the batches (see `data_service`), none for this
    process. Further arguments: see `raw_training_batches`.
    """

    def made(**position):
        batches = raw_training_batches(task, split, batch_size, **position)
        if pretext_on == "host":
            batches = batches.map(with_pretext(pretext), num_parallel_calls=tf.data.AUTOTUNE)
        return batches

    if services:
        steps = position["steps"]

        def piece(first, end):
            place = {"epoch": first // steps, "step": first % steps}
            return made(**{**position, **place}).take(end - first)

        jumps = isinstance(split, IndexedSplit) and not task.selects
        batches = data_service.served(
            piece,
            services,
            position["epoch"] * steps + position["step"],
            position["epochs"] * steps,
            # What must be read from its beginning is divided by epochs.
            piece=_PIECE if jumps else steps,
        )
    else:
        batches = made(**position)
    if replicas > 1:
        part = batch_size // position["share"].count // replicas

        def slices(*batch):
            def one(replica):
                if pretext_on == "host":
                    return slice_of(batch, replica, part)
                raw, seed = batch
                return (
                    slice_of(raw, replica, part),
                    tf.random.experimental.stateless_fold_in(seed, tf.cast(replica, tf.int32)),
                )

            return tf.data.Dataset.range(replicas).map(one)

        batches = batches.flat_map(slices)
    options = tf.data.Options()
    options.deterministic = True
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)


def held_out_batches(task, split, batch_size, *, seed=0, pretext=None):
    """One pass of `(inputs, targets)` with fixed randomness, a smaller last batch included."""
    batches = task.raw_batches(split, batch_size)
    numbered = tf.data.Dataset.zip((batches, tf.data.Dataset.counter()))
    apply = with_pretext(pretext or task.pretext)
    return numbered.map(
        lambda batch, n: apply(batch, pretext_seed(seed, n, _HELD_OUT)),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def user_examples(task, split, batch_size, *, seed, steps, training):
    """See `Task.examples`."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ConfigurationError(
            f"`batch_size` must be an integer >= 1. Received: batch_size={batch_size!r}."
        )
    task.check(split)
    if not training:
        return held_out_batches(task, split, batch_size, seed=seed)
    task.check_batch_size(batch_size, num_replicas())
    count = steps_per_epoch(task, split, batch_size, steps)

    def one_pass(draw):
        epoch = draw % 2**31
        batches = task.raw_batches(split, batch_size, order=Order(seed, epoch)).take(count)
        numbered = tf.data.Dataset.zip((batches, tf.data.Dataset.counter()))
        apply = with_pretext(task.pretext)
        return numbered.map(
            lambda batch, n: apply(
                batch,
                tf.random.experimental.stateless_fold_in(
                    pretext_seed(seed, n), tf.cast(epoch, tf.int32)
                ),
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    batches = draws.flat_map(one_pass).apply(tf.data.experimental.assert_cardinality(count))
    return batches.prefetch(tf.data.AUTOTUNE)
