"""Tests of sslkeras.training.strategies.

Logical CPUs and worker processes need a TensorFlow that has opened no device: such
tests run a script in a new process.
"""

import json
import os
import socket
import subprocess
import sys
import types

import keras
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.training.strategies import (
    check_batch,
    create_strategy,
    describe,
    is_chief,
    make_logical_cpus,
    precision,
    set_precision,
    strategy_names,
)

TWO_CPUS = """
import json
import numpy as np
import tensorflow as tf
from sslkeras.errors import ConfigurationError
from sslkeras.training import strategies
from sslkeras.training import optimizers as o

tf.config.set_visible_devices([], "GPU")
strategies.make_logical_cpus(2)
found = {"cpus": len(tf.config.list_logical_devices("CPU"))}
strategies.make_logical_cpus(2)
for key, call in {
    "late": lambda: strategies.make_logical_cpus(3),
    "many": lambda: strategies.create_strategy("mirrored(devices=3)"),
    "twice": lambda: strategies.create_strategy("mirrored(devices=['CPU:0', '/cpu:0'])"),
    "batch": lambda: strategies.check_batch(5, mirrored),
    "small": lambda: strategies.check_batch(1, mirrored),
}.items():
    mirrored = strategies.create_strategy("mirrored(devices=2)")
    try:
        found[key] = repr(call())
    except ConfigurationError as error:
        found[key] = str(error)
named = strategies.create_strategy("mirrored(devices=['CPU:1', '/device:CPU:0'])")
found["named"] = strategies.describe(named)
found["described"] = strategies.describe(mirrored)
found["replica_batch"] = strategies.check_batch(6, mirrored)
found["chief"] = strategies.is_chief(mirrored)


def train(strategy, text):
    with strategy.scope():
        w, b = tf.Variable([[1.0, -2.0]]), tf.Variable([0.5])
        optimizer = o.create_optimizer(text, learning_rate=0.1)

    def replica_step(x):
        with tf.GradientTape() as tape:
            # The global batch has 4 examples.
            loss = tf.reduce_sum((tf.reduce_sum(x * w, axis=-1) + b - 1.0) ** 2) / 4.0
        optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))

    @tf.function
    def step(x):
        strategy.run(replica_step, args=(x,))

    examples = np.array([[1, 2], [3, 1], [0, 1], [2, -1]], np.float32)
    count = strategy.num_replicas_in_sync
    per_replica = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(
            np.split(examples, count)[context.replica_id_in_sync_group]
        )
    )
    for _ in range(3):
        step(per_replica)
    o.swap_in_averages(optimizer, [w, b])
    with strategy.scope():
        rates.append([o.learning_rate_now(optimizer), o.learning_rate_now(o.fresh_copy(optimizer))])
    return [*w.numpy().ravel().tolist(), *b.numpy().tolist()]


rates = []
one = strategies.create_strategy("one_device(device='CPU:1')")
found["one"] = strategies.describe(one)
found["trained"] = {
    text: [train(one, text), train(mirrored, text)]
    for text in (
        "lars(weight_decay=0.1)",
        "sgd(use_ema=True, ema_momentum=0.5)",
        "lamb(weight_decay=0.1)",
        "moving_average(optimizer='adam(weight_decay=0.1)', average_decay=0.5)",
        "lookahead(optimizer='adam(weight_decay=0.1)', sync_period=2)",
    )
}
found["rates"] = rates
print(json.dumps(found))
"""

WORKER = """
import json
from sslkeras.training import strategies
strategy = strategies.create_strategy("multi_worker(communication='ring')")
print(json.dumps([strategies.describe(strategy), strategies.is_chief(strategy)]))
"""


def run(script, **environment):
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def two_cpus():
    """What a process with two logical CPUs found."""
    return run(TWO_CPUS)


# --- Strategies ----------------------------------------------------------------------


def test_logical_cpus_are_replicas_of_mirrored(two_cpus):
    assert two_cpus["cpus"] == 2
    assert two_cpus["described"] == "MirroredStrategy, 2 replicas on CPU:0, CPU:1"
    assert two_cpus["named"] == "MirroredStrategy, 2 replicas on CPU:1, CPU:0"
    assert two_cpus["one"] == "OneDeviceStrategy, 1 replica on CPU:1"
    assert two_cpus["chief"] is True


def test_devices_that_are_missing_are_named_with_a_way_out(two_cpus):
    assert "devices=3; there are 2 (CPU:0, CPU:1)" in two_cpus["many"]
    assert "make_logical_cpus(3)" in two_cpus["many"]
    assert "must be set before TensorFlow opens its devices" in two_cpus["late"]
    assert "n=3 when 2 were open" in two_cpus["late"]
    assert "must differ" in two_cpus["twice"]


def test_a_batch_must_be_a_multiple_of_the_replicas(two_cpus):
    assert two_cpus["replica_batch"] == 3
    assert "multiple of the 2 replicas. Received: batch_size=5. Take 4 or 6." in two_cpus["batch"]
    assert "batch_size=1. Take 2." in two_cpus["small"]


def test_optimizers_move_two_replicas_as_they_move_one(two_cpus):
    assert len(two_cpus["trained"]) == 5
    assert two_cpus["rates"] == [pytest.approx([0.1, 0.1])] * 10
    for text, (one, two) in two_cpus["trained"].items():
        assert one == pytest.approx(two, rel=1e-5), text
        assert one != pytest.approx([1.0, -2.0, 0.5], rel=1e-3), text


def test_default_is_the_strategy_in_scope():
    assert create_strategy("default") is tf.distribute.get_strategy()
    one = create_strategy("one_device(device='cpu:0')")
    with one.scope():
        assert create_strategy("default") is one
    assert describe(one) == "OneDeviceStrategy, 1 replica on CPU:0"
    assert check_batch(1, one) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mirored", "Did you mean 'mirrored'"),
        ("mirrored(gpus=2)", "It takes: devices=None"),
        ("mirrored(devices=0)", "`devices` of strategy 'mirrored' must be"),
        ("mirrored(devices=['GPU:77'])", r"Received: 'GPU:77'. There are: .*CPU:0"),
        ("one_device(device='toaster')", "written like 'GPU:0'. Received: 'toaster'"),
        ("multi_worker(communication='smoke')", "one of 'auto', 'ring', 'nccl'"),
        ("tpu(name='local')", "needs a TPU that answers"),
        ("tpu", "needs a TPU that answers. Received: name=''"),
    ],
)
def test_what_is_wrong_or_missing_is_refused(text, message, monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)

    with pytest.raises(ConfigurationError, match=message):
        create_strategy(text)


def test_batches_are_checked_even_on_one_replica():
    with pytest.raises(ConfigurationError, match="`batch_size`"):
        check_batch(0, create_strategy("default"))


def test_each_name_has_a_line():
    assert set(strategy_names()) == {"default", "mirrored", "multi_worker", "one_device", "tpu"}
    assert all(line and "\n" not in line for line in strategy_names().values())


def test_logical_cpus_are_counted_from_one():
    with pytest.raises(ConfigurationError, match="`n` of make_logical_cpus"):
        make_logical_cpus(0)


# --- Several workers -----------------------------------------------------------------


def test_a_cluster_of_one_worker_starts_and_is_its_own_chief():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    cluster = {"cluster": {"worker": [f"localhost:{port}"]}, "task": {"type": "worker", "index": 0}}

    text, chief = run(WORKER, TF_CONFIG=json.dumps(cluster), CUDA_VISIBLE_DEVICES="")

    assert text.endswith("1 replica; this is worker 0 on CPU:0") and chief is True


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "it is not set"),
        ("{cluster", "no JSON"),
        ("[]", "object `cluster`"),
        ({"cluster": {"worker": ["a:1"]}}, "object `task`"),
        ({"cluster": {"worker": ["a"]}, "task": {}}, "list of 'host:port'"),
        ({"cluster": {"worker": []}, "task": {}}, "list of 'host:port'"),
        ({"cluster": {"wrker": ["a:1"]}, "task": {}}, "no task type 'wrker'"),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}},
            "of which `cluster` has none",
        ),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}},
            r"an integer in \[0, 1\)",
        ),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "0"}},
            r"an integer in \[0, 1\)",
        ),
    ],
)
def test_the_list_of_workers_is_checked(config, message, monkeypatch):
    text = config if isinstance(config, str) else json.dumps(config)
    monkeypatch.setenv("TF_CONFIG", text)

    with pytest.raises(ConfigurationError, match=message):
        create_strategy("multi_worker")


@pytest.mark.parametrize(
    ("kind", "index", "with_chief", "expected"),
    [
        ("worker", 0, False, True),
        ("worker", 1, False, False),
        ("worker", 0, True, False),
        ("chief", 0, True, True),
        ("evaluator", 0, True, False),
    ],
)
def test_the_chief_is_the_one_named_so_or_worker_0(kind, index, with_chief, expected):
    cluster = {"worker": ["a:1", "b:1"], **({"chief": ["c:1"]} if with_chief else {})}
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster), task_type=kind, task_id=index
    )

    assert is_chief(types.SimpleNamespace(cluster_resolver=resolver)) is expected


# --- Precision -----------------------------------------------------------------------


def test_precision_holds_in_its_block_and_goes_even_after_an_error():
    assert keras.mixed_precision.global_policy().name == "float32"

    with pytest.raises(RuntimeError), precision("mixed_bfloat16"):
        layer = keras.layers.Dense(1)
        raise RuntimeError

    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert keras.mixed_precision.global_policy().name == "float32"


def test_an_unknown_precision_changes_nothing():
    with pytest.raises(ConfigurationError, match="Did you mean 'mixed_float16'"):
        set_precision("mixedfloat16")

    assert keras.mixed_precision.global_policy().name == "float32"
