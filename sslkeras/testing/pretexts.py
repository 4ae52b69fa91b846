"""The pretext is a function of batch and seed, wherever it runs."""

import numpy as np
import tensorflow as tf

from sslkeras.testing.broken_contract import require
from sslkeras.testing.comparison import arrays, difference
from sslkeras.training.pipeline import pretext_seed

_ROUNDING = {"relative": 1e-5, "absolute": 1e-6}


def check_pretext_is_pure(subject):
    """Equal seeds give equal examples; other seeds others, if the task is random at all."""
    batch, seed, other = subject.raw_batches[0], pretext_seed(0, 1), pretext_seed(0, 2)
    differs = []
    for stage, pretext in subject.pretexts():
        given = {name: np.asarray(value) for name, value in batch.items()}
        first = pretext(batch, seed)
        require(
            isinstance(first, tuple) and len(first) in (2, 3),
            "The pretext must return (inputs, targets) or (inputs, targets, weights).",
            f"a {type(first).__name__}{_of(stage)}",
            "Return a tuple of two or three.",
        )
        found = difference(pretext(batch, seed), first)
        require(
            found is None,
            "The pretext must give the same examples for the same batch and seed.",
            f"{found}{_of(stage)}",
            "Draw with tf.random.stateless_* from `seed` alone, and keep nothing between calls.",
        )
        for name, value in given.items():
            require(
                np.array_equal(np.asarray(batch[name]), value),
                "The pretext must not change the batch that it gets.",
                f"another '{name}' afterwards{_of(stage)}",
                "Make new tensors.",
            )
        for value in arrays(first):
            require(
                value.dtype.kind != "f" or np.all(np.isfinite(value)),
                "The pretext must give finite numbers.",
                f"NaN or infinity{_of(stage)}",
                "Look for a division by zero or a logarithm of it.",
            )
        differs.append(difference(pretext(batch, other), first) is not None)
    require(
        any(differs) == subject.task.random_pretext,
        "Another seed must give other examples if and only if `random_pretext` says so.",
        f"random_pretext={subject.task.random_pretext}, and "
        f"{'other' if any(differs) else 'the same'} examples for another seed",
        "Draw from `seed`, or declare in the class `random_pretext = False`."
        if subject.task.random_pretext
        else "Declare `random_pretext = True`, or draw nothing.",
    )


def check_pretext_runs_anywhere(subject):
    """Called at once, mapped by tf.data or compiled on a device, it gives the same."""
    batch = subject.raw_batches[0]
    seeds = [pretext_seed(0, 1), pretext_seed(0, 2)]
    smaller = {name: value[: subject.batch_size // 2 + 1] for name, value in batch.items()}
    seed_spec = tf.TensorSpec([2], tf.int32)
    unknown = {name: tf.TensorSpec([None, *v.shape[1:]], v.dtype) for name, v in batch.items()}
    for stage, pretext in subject.pretexts():
        eager = [pretext(batch, seed) for seed in seeds]
        try:
            compiled = tf.function(pretext, input_signature=[unknown, seed_spec])
            on_device = [compiled(batch, seed) for seed in seeds]
            fewer = compiled(smaller, seeds[0])
        except Exception as error:
            require(
                False,
                "The pretext must be traced for an unknown batch size.",
                f"{type(error).__name__}{_of(stage)}: {_brief(error)}",
                "Use TensorFlow ops on the whole batch, tf.shape(x)[0] for its size, and no "
                "Python loop over examples.",
            )
        mapped = list(
            tf.data.Dataset.from_tensors(batch)
            .repeat(2)
            .enumerate()
            .map(lambda n, raw: pretext(raw, pretext_seed(0, n + 1)))  # noqa: B023
        )
        for where, answers in (("in a tf.function", on_device), ("in Dataset.map", mapped)):
            for one, theirs in zip(answers, eager):
                found = difference(one, theirs, **_ROUNDING)
                require(
                    found is None,
                    "The pretext must give the same examples wherever it runs.",
                    f"{found}, {where} against called directly{_of(stage)}",
                    "Use TensorFlow ops only: what NumPy or Python draws is fixed when traced.",
                )
        _require_batches(pretext(smaller, seeds[0]), fewer, smaller, stage)


def _require_batches(direct, compiled, raw, stage):
    found = difference(compiled, direct, **_ROUNDING)
    require(
        found is None,
        "The pretext must give the same examples wherever it runs, for any batch size.",
        f"{found} for a smaller batch{_of(stage)}",
        "Use tf.shape(x)[0] for the batch size.",
    )
    sizes = {len(value) for value in arrays(raw)}
    if len(sizes) > 1:
        return  # Streams with batch sizes of their own.
    lengths = [len(value) if value.ndim else None for value in arrays(direct)]
    require(
        len(set(lengths)) == 1 and lengths[0] is not None,
        "All inputs, targets and weights must be `(batch, ...)`: they are sliced over replicas.",
        f"first axes of {lengths} for a batch of {sizes.pop()}{_of(stage)}",
        "Give each tensor one row an example.",
    )


def _of(stage):
    return f" (stage '{stage}')" if stage else ""


def _brief(error, longest=300):
    return " ".join(str(error).split())[-longest:]
