"""Kills one of several workers with SIGKILL, lets all start again, and compares the result.

    python benchmarks/worker_kills.py --times=20
    python benchmarks/worker_kills.py --times=3 --workers=3

Each worker is `sslkeras train --strategy=multi_worker` in the shell loop that
docs/distributed.md recommends. Each time a worker drawn at random is killed at a moment
drawn at random from the whole run, its start included. All workers must then end with status
0 within `--timeout` seconds, and the run must have the weights, bit for bit, and the history of
the one that nobody killed. Exit status 1 if that failed once.
"""

import contextlib
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pathlib  # noqa: E402

import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

flags.DEFINE_integer("times", 20, "How often a run is started and a worker killed.", lower_bound=1)
flags.DEFINE_integer("workers", 2, "Worker processes on this machine.", lower_bound=1)
flags.DEFINE_integer("epochs", 12, "Epochs of a run.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of the moments and of who is killed.")
flags.DEFINE_integer("timeout", 300, "Seconds after which a run counts as hanging.")
FLAGS = flags.FLAGS

# As in docs/distributed.md. 75: try again; above 128: killed by a signal.
LOOP = """
until "$@"; do
    status=$?
    [ $status -eq 75 ] || [ $status -gt 128 ] || exit $status
    sleep 1
done
"""


def free_ports(count):
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def command(output):
    """The command that every worker runs."""
    return [
        *(sys.executable, "-m", "sslkeras", "train", "--task=denoising_autoencoder"),
        *("--dataset=digits", "--encoder=mlp(hidden_sizes=(32,))", f"--epochs={FLAGS.epochs}"),
        *("--batch_size=96", "--optimizer=adam", "--deterministic", "--checkpoint_seconds=1"),
        *("--validate_every=4", "--strategy=multi_worker", f"--output={output}"),
    ]


class Job:
    """All workers of one run, each in its loop, with its messages in a file."""

    def __init__(self, output):
        ports = free_ports(FLAGS.workers)
        cluster = {"worker": [f"localhost:{port}" for port in ports]}
        self.logs, self.loops = [], []
        for index in range(FLAGS.workers):
            place = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            log = pathlib.Path(f"{output}.{index}.log")
            self.logs.append(log)
            with open(log, "wb") as file:
                self.loops.append(
                    subprocess.Popen(
                        ["bash", "-c", LOOP, "loop", *command(output)],
                        env={**os.environ, "TF_CONFIG": json.dumps(place)},
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )

    def kill(self, index):
        """Kills the worker in loop `index`; returns whether there was one to kill."""
        loop = self.loops[index].pid
        try:
            children = pathlib.Path(f"/proc/{loop}/task/{loop}/children").read_text().split()
            # Between two starts the loop sleeps: that is nothing to kill.
            (worker,) = (
                int(pid)
                for pid in children
                if b"sslkeras" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            )
            os.kill(worker, signal.SIGKILL)
        except (OSError, ValueError):
            return False
        return True

    def wait(self):
        """The exit status of each loop, None for one that hangs."""
        end = time.monotonic() + FLAGS.timeout
        statuses = []
        for loop in self.loops:
            try:
                statuses.append(loop.wait(max(0.1, end - time.monotonic())))
            except subprocess.TimeoutExpired:
                statuses.append(None)
        return statuses

    def stop(self):
        """Ends what still runs."""
        for loop in self.loops:
            if loop.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(loop.pid, signal.SIGKILL)
                loop.wait()

    def told(self):
        """The end of what each worker reported."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in self.logs)


def result(output):
    """Every weight in the run's last checkpoint by name, and the history."""
    import tensorflow as tf

    newest = max(
        pathlib.Path(output, "checkpoints").glob("ckpt-*.index"),
        key=lambda path: int(path.stem[len("ckpt-") :]),
    )
    reader = tf.train.load_checkpoint(str(newest.with_suffix("")))
    names = reader.get_variable_to_shape_map()
    weights = {name: reader.get_tensor(name) for name in names if name.startswith("model/")}
    with open(pathlib.Path(output, "history.csv"), newline="") as file:
        history = [dict(row) for row in csv.DictReader(file)]
    return weights, history


def differences(ours, theirs):
    """How two results differ, "" if they are equal.

    Weights must have the same bits. Of an epoch that was resumed in its middle the metrics may
    differ in the last digit: a checkpoint holds their sum over the workers, and each goes on
    with its part of that.
    """
    (our_weights, our_rows), (their_weights, their_rows) = ours, theirs
    if our_weights.keys() != their_weights.keys():
        return "other names of weights"
    furthest = max(
        float(np.abs(weight - their_weights[name]).max()) for name, weight in our_weights.items()
    )
    if furthest or not all(np.array_equal(w, their_weights[n]) for n, w in our_weights.items()):
        return f"other weights, by up to {furthest:.2g}"
    if [row.keys() for row in our_rows] != [row.keys() for row in their_rows]:
        return "other rows or columns in the history"
    for ours, theirs in zip(our_rows, their_rows):
        for name, value in ours.items():
            if value != theirs[name] and not np.isclose(
                float(value), float(theirs[name]), rtol=1e-6, atol=0
            ):
                return f"{name} {value} instead of {theirs[name]} in epoch {ours['epoch']}"
    return ""


def run(output, victim=None, moment=None):
    """Runs a job, with a kill if `victim` is given.

    Returns:
        What was wrong ("" if nothing), seconds, and whether there was something to kill.
    """
    began = time.monotonic()
    job = Job(output)
    try:
        killed = False
        if victim is not None:
            time.sleep(moment)
            killed = job.kill(victim)
        statuses = job.wait()
        wrong = "" if set(statuses) == {0} else f"exit statuses {statuses}\n{job.told()}"
        return wrong, time.monotonic() - began, killed
    finally:
        job.stop()


def main(_):
    moments = random.Random(FLAGS.seed)
    green, slowest = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        wrong, seconds, _ = run(f"{folder}/whole")
        if wrong:
            sys.exit(f"The run that nobody killed failed: {wrong}")
        whole = result(f"{folder}/whole")
        print(f"{FLAGS.workers} workers, nobody killed: {seconds:.0f} s", flush=True)
        for number in range(1, FLAGS.times + 1):
            victim = moments.randrange(FLAGS.workers)
            moment = moments.uniform(0.05, 0.95) * seconds
            output = f"{folder}/killed-{number}"
            wrong, took, killed = run(output, victim, moment)
            if not wrong:
                wrong = differences(result(output), whole)
            green += not wrong
            slowest = max(slowest, took)
            what = "killed" if killed else "already gone"
            print(
                f"{number}: worker {victim} {what} at {moment:.1f} s, all ended at {took:.0f} s: "
                f"{wrong or 'equal'}",
                flush=True,
            )
    print(
        f"{green} of {FLAGS.times} runs of {FLAGS.workers} workers ended with the weights and "
        f"the history of the run that nobody killed. The slowest took {slowest:.0f} s."
    )
    if green < FLAGS.times:
        sys.exit(1)


if __name__ == "__main__":
    app.run(main)
