"""What probes ask of a task beside its encoder: optional methods, looked up by name."""

import tensorflow as tf

from sslkeras.datasets.dataset import as_float, slice_of
from sslkeras.errors import ConfigurationError, DataError


def task_method(subject, probe, signature):
    """The method of the subject's task that a probe calls.

    Args:
        subject: The `Subject`.
        probe: Name of the probe, for the message.
        signature: How the method is called and what it returns, e.g.
            `"word_vectors(model) -> (words, matrix)"`; its name comes before the bracket.

    Raises:
        ConfigurationError: If the subject has no task or the task lacks the method.
    """
    method = getattr(subject.task, signature.partition("(")[0], None)
    if method is None:
        task = subject.task
        name = None if task is None else getattr(task, "registered_name", type(task).__name__)
        raise ConfigurationError(
            f"The probe '{probe}' needs a task with the method `{signature}`. Received: "
            f"{'no task' if name is None else f'the task {name!r}, which lacks it'}. Leave this "
            "probe out, or give the task that method (docs/probes.md says what it returns)."
        )
    return method


def task_outputs(subject, split, call, limit=None, truth=()):
    """What a method of the task gives for each batch of a split, in the stored order.

    Args:
        subject: The `Subject`.
        split: "train" or "test".
        call: From a raw float batch to tensors `(examples, ...)` or a structure of them, in
            TensorFlow ops.
        limit: Examples at most; None for all.
        truth: Features of the data that are read along with what the task reads. Examples
            are then not selected by the task.

    Yields:
        The structure with NumPy arrays.

    Raises:
        DataError: If the split has no example that the task can use.
    """
    compiled = tf.function(call, reduce_retracing=True)
    done = 0
    if truth:
        wanted = tuple(dict.fromkeys((*subject.task.reads, *truth)))
        batches = subject.split(split).batches(subject.batch_size, only=wanted)
    else:
        batches = subject.task.raw_batches(subject.split(split), subject.batch_size)
    for batch in batches:
        size = len(tf.nest.flatten(batch)[0])
        if limit is not None and done + size > limit:
            size = limit - done
            batch = slice_of(batch, 0, size)
        done += size
        yield tf.nest.map_structure(lambda tensor: tensor.numpy(), compiled(as_float(batch)))
        if done == limit:
            return
    if not done:
        raise DataError(
            "A split that is judged must have an example that the task selects. Received: none "
            f"({split} split). Choose another dataset."
        )
