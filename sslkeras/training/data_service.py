"""Input pipelines that run on other machines, through TensorFlow's data service.

The service promises little of its order: each of its workers makes the whole sequence, and
the trainer gets them mixed, or from the beginning again after a worker was restarted. So
every batch carries the number of its step, and the trainer takes each number once, in order.
The data stays a function of (seed, epoch, step); more workers in one service are spare ones.
To divide the work, several services make the steps in turn, a piece each.
"""

import re
import socket

import tensorflow as tf

from sslkeras.errors import ConfigurationError, DataError

_ADDRESS = re.compile(r"grpc://([^\s,:/]+):(\d+)")
_SECONDS_TO_ANSWER = 10


def addresses(text: str) -> list[str]:
    """The services that the setting `data_service` names.

    Raises:
        ConfigurationError: If it is not like "grpc://host:port" or several with commas.
        DataError: If one of them does not answer.
    """
    services = [part.strip() for part in text.split(",")]
    for service in services:
        match = _ADDRESS.fullmatch(service)
        if match is None:
            raise ConfigurationError(
                "`data_service` must name dispatchers like 'grpc://host:5000', several separated "
                f"by commas. Received: {service!r}. Take the address that "
                "`sslkeras data_dispatcher` prints."
            )
        try:
            socket.create_connection((match[1], int(match[2])), _SECONDS_TO_ANSWER).close()
        except (OSError, OverflowError) as error:
            raise DataError(
                f"The dispatcher of the data service must answer. Received: {service} ({error}). "
                f"Start `sslkeras data_dispatcher --port={match[2]}` on that host, or leave "
                "`data_service` out."
            ) from error
    return services


def served(make, services, first, end, piece) -> tf.data.Dataset:
    """Batches that the services make, the same and in the same order as without them.

    Args:
        make: `make(first, end) -> tf.data.Dataset` of the batches of these steps; the two may
            be tensors.
        services: Addresses of dispatchers.
        first: Number of the first step.
        end: Number after the last one.
        piece: Steps that one service makes at a stretch, where there are several.
    """
    count = len(services)
    if count == 1:
        piece = end - first

    def numbered(begin):
        stop = tf.minimum(begin + piece, end)
        return tf.data.Dataset.zip((tf.data.Dataset.range(begin, stop), make(begin, stop)))

    parts = []
    for index, service in enumerate(services):
        begin = first + index * piece
        if count == 1:
            part = tf.data.Dataset.zip((tf.data.Dataset.range(first, end), make(first, end)))
        else:
            part = tf.data.Dataset.range(begin, end, count * piece).flat_map(numbered)
        part = part.apply(
            tf.data.experimental.service.distribute(
                processing_mode=tf.data.experimental.service.ShardingPolicy.OFF, service=service
            )
        )
        parts.append(_each_once(part, begin, first, piece, count).prefetch(tf.data.AUTOTUNE))
    if count == 1:
        return parts[0]
    turns = tf.data.Dataset.range(first, end).map(lambda step: (step - first) // piece % count)
    return tf.data.Dataset.choose_from_datasets(parts, turns, stop_on_empty_dataset=False)


def _each_once(numbered, begin, first, piece, count):
    """Leaves out what came before, and stops where something is missing."""

    def look(expected, element):
        number, batch = element
        missing = tf.debugging.assert_less_equal(
            number,
            expected,
            message="The data service must give every batch. Received: a later one, as its worker "
            "was lost at a bad moment. Repeat the same command to resume.",
        )
        with tf.control_dependencies([missing]):
            fresh = tf.equal(number, expected)
        at_the_end_of_a_piece = tf.equal((number + 1 - first) % piece, 0)
        skipped = tf.constant((count - 1) * piece, tf.int64)
        following = number + 1 + tf.where(at_the_end_of_a_piece, skipped, 0)
        return tf.where(fresh, following, expected), (fresh, batch)

    looked = numbered.scan(tf.constant(begin, tf.int64), look)
    kept = looked.filter(lambda fresh, batch: fresh)
    return kept.map(lambda fresh, batch: batch)
