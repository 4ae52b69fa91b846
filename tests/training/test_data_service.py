"""Tests of sslkeras.training.data_service with dispatchers and workers as real processes."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.training import data_service, pipeline
from tests.toys import Denoise, small_encoder, stripes

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 300


@contextlib.contextmanager
def served(*words):
    """A server started by its command; gives what it printed first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sslkeras", *words],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    try:
        yield process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def service():
    """A dispatcher with a worker; gives its address."""
    with served("data_dispatcher", "--port=0") as said:
        address = re.search(r"grpc://(localhost:\d+)", said)[1]
        with served("data_worker", f"--dispatcher={address}"):
            yield f"grpc://{address}"


def trained(**settings):
    run = sslkeras.pretrain(
        Denoise(), stripes(), small_encoder, epochs=3, batch_size=16, **settings
    )
    return np.concatenate([weight.ravel() for weight in run.model.get_weights()])


def test_a_service_started_by_command_gives_the_run_without_it():
    whole = trained()

    with service() as one:
        np.testing.assert_array_equal(trained(data_service=one), whole)


def batches(services, **more):
    place = {"seed": 3, "epoch": 1, "step": 2, "steps": 6, "epochs": 4}
    made = pipeline.training_batches(
        Denoise(), stripes().train, 16, pretext=Denoise().pretext, services=services,
        **{**place, **more},
    )  # fmt: skip
    return list(made.take(16).as_numpy_iterator())


@pytest.fixture
def two_services():
    """In this process, so that it is quick."""
    service = tf.data.experimental.service
    servers = [service.DispatchServer(service.DispatcherConfig(port=0)) for _ in range(2)]
    workers = [
        service.WorkerServer(
            service.WorkerConfig(dispatcher_address=server.target.split("://")[1], port=0)
        )
        for server in [*servers, servers[0]]
    ]
    yield [server.target for server in servers]
    del workers


def test_a_resumed_epoch_goes_on_with_the_same_batches(two_services):
    for services in (two_services, two_services[:1]):
        for ours, theirs in zip(batches(services), batches(())):
            tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


def test_a_worker_that_begins_again_repeats_nothing():
    steps = [3, 4, 3, 4, 5, 3, 4, 5, 6]
    numbered = tf.data.Dataset.from_tensor_slices((tf.constant(steps, tf.int64), steps))

    once = data_service._each_once(numbered, begin=3, first=3, piece=100, count=1)

    assert list(once.as_numpy_iterator()) == [3, 4, 5, 6]


def test_a_missing_batch_stops_the_training():
    numbered = tf.data.Dataset.from_tensor_slices((tf.constant([3, 5], tf.int64), [3, 5]))
    once = data_service._each_once(numbered, begin=3, first=3, piece=100, count=1)

    with pytest.raises(tf.errors.InvalidArgumentError, match="must give every batch"):
        list(once)


def test_an_address_that_is_none_or_does_not_answer_is_refused():
    with pytest.raises(ConfigurationError, match="grpc://host:5000"):
        trained(data_service="localhost:5000")
    with pytest.raises(DataError, match="must answer. Received: grpc://localhost:1 "):
        trained(data_service="grpc://localhost:1")


@pytest.mark.parametrize("given", [(), ("--dispatcher=nowhere",)])
def test_a_data_worker_needs_a_dispatcher(given):
    done = subprocess.run(
        [sys.executable, "-m", "sslkeras", "data_worker", *given],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 1
    assert "must be named as host:port" in done.stderr
