"""What the processes of a multi-worker run agree on, and what happens when one is lost.

All workers run the same program and must take part in the same collectives in the same
order. So whatever a worker would decide by its own clock, disk or signals is decided by
one of them, or by all together, and told to the others.
"""

import contextlib
import json

import numpy as np
import tensorflow as tf

from sslkeras.errors import Interrupted, RunError, SslkerasError
from sslkeras.training.strategies import is_chief

# What a collective or the start of the cluster raises when another worker is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
_LOST_WORDS = ("Collective ops is aborted", "coordination service", "CoordinationService")


class Workers:
    """The worker processes of a strategy; with one process everything here is immediate.

    Attributes:
        count: How many processes train together.
        chief: Whether this process is the one that writes files.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self.chief = is_chief(strategy)
        self.count = 1
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            cluster = resolver.cluster_spec().as_dict() if resolver.task_type else {}
            self.count = max(1, sum(len(cluster.get(kind, ())) for kind in ("chief", "worker")))

    def sum(self, numbers) -> np.ndarray:
        """Sums a vector over the workers; all must call it with vectors of one length."""
        numbers = np.asarray(numbers)
        if self.count == 1:
            return numbers
        replicas = self._strategy.num_replicas_in_sync // self.count

        def value(context):
            # One replica of each worker speaks for it.
            speaks = context.replica_id_in_sync_group % replicas == 0
            return tf.constant(numbers if speaks else np.zeros_like(numbers))

        with tf.device("CPU:0"):
            values = self._strategy.experimental_distribute_values_from_function(value)
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()

    def any(self, *flags) -> tuple:
        """For each flag, whether it is true on any worker."""
        return tuple(bool(total) for total in self.sum(np.array(flags, np.int32)))

    def from_chief(self, value):
        """The chief's `value` (anything that JSON can hold) on every worker."""
        if self.count == 1:
            return value
        text = json.dumps(value).encode() if self.chief else b""
        length = int(self.sum(np.array([len(text)], np.int32))[0])
        spoken = np.zeros(length, np.int32)
        spoken[: len(text)] = np.frombuffer(text, np.uint8)
        return json.loads(self.sum(spoken).astype(np.uint8).tobytes())

    def by_chief(self, action):
        """Runs `action` on the chief; its result, or its failure, reaches every worker.

        Raises:
            SslkerasError: What `action` raised on the chief; on the others a RunError that
                quotes it.
        """
        if self.count == 1:
            return action()
        result, error = None, None
        if self.chief:
            try:
                result = action()
            except SslkerasError as raised:
                error = raised
        result, told = self.from_chief([result, None if error is None else str(error)])
        if error is not None:
            raise error
        if told is not None:
            raise RunError(f"All workers need what the chief does. The chief reported: {told}")
        return result

    def by_all(self, action):
        """Runs `action` on every worker; one that fails is a failure of all.

        Raises:
            SslkerasError: What `action` raised here, or a RunError if it failed elsewhere.
        """
        result, error = None, None
        try:
            result = action()
        except SslkerasError as raised:
            error = raised
        failed = int(self.sum(np.array([error is not None], np.int32))[0])
        if error is not None:
            raise error
        if failed:
            raise RunError(
                "All workers must do their part together. Received: a failure of "
                f"{failed} of the other {self.count - 1}. Read what they reported."
            )
        return result

    def share_weights(self, variables):
        """Gives `variables` the chief's values on every worker."""
        if self.count == 1:
            return
        for variable in variables:
            value = variable.numpy()
            kind = np.int32 if value.dtype.kind == "b" else value.dtype
            spoken = value.astype(kind) if self.chief else np.zeros_like(value, kind)
            variable.assign(self.sum(spoken).astype(value.dtype))

    def wait_for_all(self):
        """Returns once every worker has come here."""
        self.any(False)

    @contextlib.contextmanager
    def needed(self):
        """Turns the loss of another worker into `Interrupted`: start all again to resume."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.count == 1 or not _tells_of_a_loss(error):
                raise
            raise lost(error, self.count) from error


def lost(error, count=None) -> Interrupted:
    """The exception for a worker that does not answer any more."""
    reason = str(error.message).rpartition("Collective ops is aborted by: ")[2]
    reason = " ".join(reason.split())[:200]
    return Interrupted(
        f"All {count or ''} workers must live until the end.".replace("  ", " ")
        + f" Received: another worker was lost or started again ({reason}). Start the same command "
        "on every worker again: the run goes on at its last checkpoint."
    )


def _tells_of_a_loss(error):
    return isinstance(error, _LOST) or any(words in str(error.message) for words in _LOST_WORDS)
