"""Where training runs: distribution strategies and numeric precision by name."""

import contextlib
import functools
import json
import os
import re

import keras
import tensorflow as tf

from sslkeras import notation
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    AnyOf,
    Choice,
    Integer,
    ListOf,
    Optional,
    Text,
    check_argument,
)

_DEVICE = re.compile(r"/?(?:device:)?(CPU|GPU|TPU):(\d+)", re.IGNORECASE)
_COMMUNICATION = tf.distribute.experimental.CommunicationImplementation
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


def make_logical_cpus(n: int) -> None:
    """Splits the CPU into `n` >= 1 logical ones, for trying out replicas without GPUs.

    Raises:
        ConfigurationError: If `n` is out of range, or if TensorFlow has opened its devices
            already with another number of CPUs.
    """
    check_argument("make_logical_cpus", "n", n, Integer(1))
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(n)]
        )
    except RuntimeError as error:
        found = len(tf.config.list_logical_devices("CPU"))
        if found != n:
            raise ConfigurationError(
                "The number of logical CPUs must be set before TensorFlow opens its devices. "
                f"Received: n={n} when {found} were open. Call make_logical_cpus first, before "
                "any tensor, dataset or strategy is made."
            ) from error


def _devices(kind):
    return [f"{kind}:{index}" for index in range(len(tf.config.list_logical_devices(kind)))]


def _existing(owner, name):
    """`name` as "GPU:0", if there is such a device."""
    match = _DEVICE.fullmatch(name)
    there = _devices("GPU") + _devices("CPU")
    device = f"{match[1].upper()}:{int(match[2])}" if match else None
    if device not in there:
        raise ConfigurationError(
            f"Each device of {owner} must exist and be written like 'GPU:0'. Received: {name!r}. "
            f"There are: {', '.join(there)}."
        )
    return device


def _default():
    """The strategy whose scope we are in, else one device of TensorFlow's choice."""
    return tf.distribute.get_strategy()


def _one_device(*, device=None):
    """One device, e.g. 'GPU:0' or 'CPU:0'; the first GPU, else the CPU, unless given."""
    owner = "strategy 'one_device'"
    check_argument(owner, "device", device, Optional(Text()))
    device = device or (_devices("GPU") + _devices("CPU"))[0]
    return tf.distribute.OneDeviceStrategy("/" + _existing(owner, device))


def _mirrored(*, devices=None):
    """A replica on each of `devices` of this machine: a number, or names; all unless given."""
    owner = "strategy 'mirrored'"
    allowed = Optional(AnyOf(Integer(1), ListOf(Text(), min_length=1)))
    devices = check_argument(owner, "devices", devices, allowed)
    kind = "GPU" if _devices("GPU") else "CPU"
    there = _devices(kind)
    if devices is None:
        devices = there
    elif isinstance(devices, int):
        if devices > len(there):
            advice = (
                "Ask for no more, or use a machine with more"
                if kind == "GPU"
                else "There is no GPU: ask for no more, or split the CPU first with "
                f"make_logical_cpus({devices})"
            )
            raise ConfigurationError(
                f"The `devices` of {owner} must exist. Received: devices={devices}; there "
                f"{'is' if len(there) == 1 else 'are'} {len(there)} ({', '.join(there)}). {advice}."
            )
        devices = there[:devices]
    else:
        devices = [_existing(owner, name) for name in devices]
        if len(set(devices)) < len(devices):
            raise ConfigurationError(
                f"The `devices` of {owner} must differ. Received: {devices}. Name each once."
            )
    return _mirrored_on(tuple(devices))


@functools.cache
def _mirrored_on(devices):
    """One strategy for each set of devices: the collectives of two disturb each other."""
    return tf.distribute.MirroredStrategy(["/" + device for device in devices])


def _check_tf_config():
    """Checks the environment variable `TF_CONFIG`, which names the workers and this one."""
    text = os.environ.get("TF_CONFIG", "")
    example = (
        """TF_CONFIG='{"cluster": {"worker": ["host0:12345", "host1:12345"]}, """
        """"task": {"type": "worker", "index": 0}}'"""
    )

    def refuse(reason):
        return ConfigurationError(
            "The environment variable TF_CONFIG must name all workers and which of them this "
            f"is. Received: {text[:300]!r} ({reason}). Set it on each worker, with its own "
            f"index: {example}."
        )

    if not text:
        raise refuse("it is not set")
    try:
        config = json.loads(text)
    except ValueError as error:
        raise refuse(f"no JSON: {error}") from error
    cluster = config.get("cluster") if isinstance(config, dict) else None
    task = config.get("task") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise refuse("it needs an object `cluster` and an object `task`")
    for kind, hosts in cluster.items():
        if kind not in ("chief", "worker", "evaluator"):
            raise refuse(f"no task type {kind!r}: there are 'chief', 'worker' and 'evaluator'")
        fine = isinstance(hosts, list) and hosts
        if not fine or not all(re.fullmatch(r"\S+:\d+", str(host)) for host in hosts):
            raise refuse(f"`cluster[{kind!r}]` must be a list of 'host:port'")
    kind, index = task.get("type"), task.get("index")
    if kind not in cluster:
        raise refuse(f"`task` has the type {kind!r}, of which `cluster` has none")
    if type(index) is not int or not 0 <= index < len(cluster[kind]):
        raise refuse(f"the index of `task` must be an integer in [0, {len(cluster[kind])})")


def _multi_worker(*, communication="auto"):
    """Several machines that TF_CONFIG names; `communication` is 'auto', 'ring' or 'nccl'."""
    names = {"auto": _COMMUNICATION.AUTO, "ring": _COMMUNICATION.RING, "nccl": _COMMUNICATION.NCCL}
    check_argument("strategy 'multi_worker'", "communication", communication, Choice(*names))
    _check_tf_config()
    options = tf.distribute.experimental.CommunicationOptions(implementation=names[communication])
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except RuntimeError as error:
        raise ConfigurationError(
            "Strategy 'multi_worker' must be made before TensorFlow opens its devices. Received: "
            f"{error}. Create it first, before any tensor, dataset or other strategy is made."
        ) from error


def _tpu(*, name=""):
    """The TPU called `name`; '' takes it from the environment, 'local' the one of a TPU VM."""
    check_argument("strategy 'tpu'", "name", name, AnyOf(Text("a string"), Choice("")))
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ConfigurationError(
            f"Strategy 'tpu' needs a TPU that answers. Received: name={name!r} ({reason}). Run on "
            "a TPU machine and give its name or tpu(name='local'); elsewhere take 'default', "
            "'one_device' or 'mirrored'."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


_STRATEGIES = {
    "default": _default,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "one_device": _one_device,
    "tpu": _tpu,
}


def strategy_names() -> dict[str, str]:
    """Each name with a line on what it does, for help text."""
    return {name: make.__doc__ for name, make in _STRATEGIES.items()}


def create_strategy(text: str) -> tf.distribute.Strategy:
    """Makes the strategy that `name` or `name(key=value, ...)` describes.

    Args:
        text: "default", "one_device(device='GPU:0')", "mirrored", "mirrored(devices=2)",
            "mirrored(devices=['GPU:0', 'GPU:2'])", "multi_worker" or "tpu(name='local')".
            Without GPUs "mirrored" takes logical CPUs, see `make_logical_cpus`.

    Raises:
        ConfigurationError: If the notation, the name or an argument is wrong, or if a device,
            a worker list or a TPU that it needs is missing.
    """
    named = notation.parse(text)
    if named.name not in _STRATEGIES:
        raise ConfigurationError(
            f"A strategy must be one that exists. Received: '{named.name}'."
            f"{notation.suggest(named.name, _STRATEGIES)} There are: {', '.join(_STRATEGIES)}."
        )
    return notation.bind(_STRATEGIES[named.name], named, "strategy")


def is_chief(strategy) -> bool:
    """Whether this process is the one that writes files.

    It is, unless it is one of several workers: then the chief is, or where the cluster
    names none, worker 0.
    """
    return _leads(strategy.cluster_resolver)


def is_chief_by_environment() -> bool:
    """`is_chief` of the strategy that `TF_CONFIG` would give, without connecting to the others."""
    _check_tf_config()
    return _leads(tf.distribute.cluster_resolver.TFConfigClusterResolver())


def _leads(resolver):
    if resolver is None or not resolver.task_type:
        return True
    if resolver.task_type == "worker":
        return not resolver.task_id and "chief" not in resolver.cluster_spec().as_dict()
    return resolver.task_type == "chief"


def _is_default(strategy):
    return not tf.distribute.has_strategy() and strategy is tf.distribute.get_strategy()


def is_one_cpu(strategy) -> bool:
    """Whether a strategy is TensorFlow's default one on a machine without a GPU."""
    return _is_default(strategy) and not tf.config.list_logical_devices("GPU")


def describe(strategy) -> str:
    """One line for logs, e.g. "MirroredStrategy, 2 replicas on CPU:0, CPU:1"."""
    if _is_default(strategy):
        return "one CPU" if is_one_cpu(strategy) else "one GPU"
    devices = []
    for name in strategy.extended.worker_devices:
        match = _DEVICE.search(name)
        devices.append(f"{match[1].upper()}:{match[2]}" if match else name)
    count = strategy.num_replicas_in_sync
    text = f"{type(strategy).__name__}, {count} replica{'s' if count > 1 else ''}"
    resolver = strategy.cluster_resolver
    if resolver is not None and resolver.task_type:
        return f"{text}; this is {resolver.task_type} {resolver.task_id} on {', '.join(devices)}"
    return f"{text} on {', '.join(devices)}"


def check_batch(batch_size: int, strategy) -> int:
    """Returns how many examples of a global batch each replica gets.

    Raises:
        ConfigurationError: If `batch_size` is not a positive multiple of the number of
            replicas. A replica without examples would make the loss NaN.
    """
    check_argument("training", "batch_size", batch_size, Integer(1, unit="examples"))
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        below = batch_size // replicas * replicas
        fitting = f"{below} or {below + replicas}" if below else f"{replicas}"
        raise ConfigurationError(
            f"`batch_size`, the global one, must be a multiple of the {replicas} replicas. "
            f"Received: batch_size={batch_size}. Take {fitting}."
        )
    return batch_size // replicas


def set_precision(text: str) -> None:
    """Sets Keras's global dtype policy for the layers made from now on.

    Args:
        text: "float32", "mixed_float16" (needs loss scaling) or "mixed_bfloat16". The mixed
            ones compute in 16 bits and keep variables in float32.

    Raises:
        ConfigurationError: If it is none of these.
    """
    if text not in PRECISIONS:
        raise ConfigurationError(
            f"The precision must be one of {', '.join(PRECISIONS)}. Received: {text!r}."
            f"{notation.suggest(text, PRECISIONS)} Take one of them."
        )
    keras.mixed_precision.set_global_policy(text)


@contextlib.contextmanager
def precision(text: str):
    """`set_precision(text)` inside a `with` block; the policy before it returns after it.

    Raises:
        ConfigurationError: See `set_precision`.
    """
    before = keras.mixed_precision.global_policy()
    set_precision(text)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
