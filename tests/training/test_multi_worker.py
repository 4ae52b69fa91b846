"""Tests of strategy multi_worker: real processes on loopback, stopped and killed.

Each worker is a process in the shell loop of docs/distributed.md. Everything has a timeout:
workers that wait for each other for ever fail the test.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

import sslkeras
from tests.toys import Denoise, small_encoder, stripes

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 240  # On quiet cores it takes less than 60.
# A pretext without randomness: otherwise each worker draws for its own part of a batch.
SETTINGS = {"batch_size": 24, "epochs": 4, "checkpoint_steps": 3, "clip_norm": 1.0}
SCRIPT = """
import json, os, signal, sys
import keras, numpy as np
import sslkeras
from sslkeras.datasets import ArraySplit
from sslkeras.errors import SslkerasError
from tests.toys import Denoise, small_encoder, stripes

settings, folder, me, plan = json.loads(sys.argv[1])


class Strike(keras.callbacks.Callback):
    '''Sends this process a signal at a step, once in all starts.'''

    def on_train_batch_end(self, batch, logs=None):
        for worker, step, name in plan:
            marker = f"{folder}/{worker}-{step}-{name}"
            reached = worker == me and self.model.optimizer.iterations >= step
            if reached and not os.path.exists(marker):
                open(marker, "w").close()
                os.kill(os.getpid(), getattr(signal, name))


def noted(split):
    read = split.batches

    def batches(batch_size, *, order=None, share=None, **more):
        if share is not None and order is not None:
            print("reads", share.index, "of", share.count, flush=True)
            more["share"] = share
        return read(batch_size, order=order, **more)

    split.batches = batches
    return split


data = stripes(test=37)
noted(data.train)
try:
    run = sslkeras.pretrain(
        Denoise(level=0.0), data, small_encoder, output=f"{folder}/run", strategy="multi_worker",
        callbacks=[Strike()], **settings,
    )
except SslkerasError as error:
    print("error:", error, flush=True)
    sys.exit(error.exit_status)
np.savez(f"{folder}/worker-{me}.npz", *run.model.get_weights())
json.dump(run.history, open(f"{folder}/worker-{me}.json", "w"))
"""
LOOP = """
until "$@"; do
    status=$?
    echo "status $status"
    [ $status -eq 75 ] || [ $status -gt 128 ] || exit $status
    sleep 1
done
"""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def trained(folder, count, plan=(), **settings):
    """Trains on `count` workers to the end; returns what each of them said."""
    script = folder / "worker.py"
    script.write_text(SCRIPT)
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(count)]}
    loops = []
    try:
        for index in range(count):
            place = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            arguments = json.dumps([{**SETTINGS, **settings}, str(folder), index, list(plan)])
            with open(folder / f"log-{index}", "wb") as log:
                loops.append(
                    subprocess.Popen(
                        ["bash", "-c", LOOP, "loop", sys.executable, script, arguments],
                        env={
                            **os.environ,
                            "TF_CONFIG": json.dumps(place),
                            "PYTHONPATH": str(ROOT),
                            "TF_CPP_MIN_LOG_LEVEL": "3",
                        },
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        for loop in loops:
            loop.wait(SECONDS)
    finally:
        for loop in loops:
            if loop.poll() is None:
                os.killpg(loop.pid, signal.SIGKILL)
                loop.wait()
        told = [(folder / f"log-{index}").read_text() for index in range(len(loops))]
        print("\n---\n".join(told))
    assert [loop.returncode for loop in loops] == [0] * count
    return told


def as_one_process(folder, count, **settings):
    """Compares what the workers ended with to the run of one process."""
    one = sslkeras.pretrain(
        Denoise(level=0.0), stripes(test=37), small_encoder, **{**SETTINGS, **settings}
    )
    expected = one.model.get_weights()
    workers = [np.load(folder / f"worker-{index}.npz") for index in range(count)]
    for name, want in zip(workers[0], expected):
        for worker in workers:
            np.testing.assert_array_equal(worker[name], workers[0][name])
        np.testing.assert_allclose(workers[0][name], want, rtol=1e-3, atol=1e-5)
    for index in range(count):
        history = json.loads((folder / f"worker-{index}.json").read_text())
        assert [row["step"] for row in history] == [row["step"] for row in one.history]
        for ours, theirs in zip(history, one.history):
            for name in ("loss", "val_loss"):
                assert ours[name] == pytest.approx(theirs[name], rel=1e-4)


def test_two_workers_train_as_one_process_and_only_the_chief_writes(tmp_path):
    told = trained(tmp_path, 2)

    as_one_process(tmp_path, 2)
    for index in range(2):
        assert set(re.findall(r"reads (\d) of (\d)", told[index])) == {(str(index), "2")}
    assert "Training Denoise" in told[0] and "Training Denoise" not in told[1]
    run = tmp_path / "run"
    assert (run / "encoder.keras").is_file()
    assert len((run / "history.csv").read_text().splitlines()) == 1 + SETTINGS["epochs"]
    assert len(json.loads((run / "timing.json").read_text())) == 1
    # One file for training and one for validation.
    assert len(list((run / "logs").rglob("events*"))) == 2
    numbers = sorted(int(p.stem.split("-")[1]) for p in (run / "checkpoints").glob("ckpt-*.json"))
    # The beginning, every third of 16 steps, the end: each was written once.
    assert numbers == [6, 7]


@pytest.mark.parametrize(
    ("count", "plan"), [(2, [(1, 2, "SIGTERM"), (0, 8, "SIGKILL")]), (3, [(2, 8, "SIGKILL")])]
)
def test_workers_stopped_and_killed_end_as_one_process_that_was_not(tmp_path, count, plan):
    told = trained(tmp_path, count, plan, steps_per_execution=1)

    as_one_process(tmp_path, count)
    if count == 2:
        steps = [re.findall(r"SIGTERM \(this .* another\); saved at step (\d+)", t) for t in told]
        assert steps[0] == steps[1] and len(steps[0]) == 1
    assert "status 137" in told[plan[-1][0]]
    for text in told:
        assert set(re.findall(r"status (\d+)", text)) <= {"75", "137"}
    assert any("another worker was lost or started again" in text for text in told)


def test_a_worker_that_comes_back_to_a_finished_run_waits_for_nobody(tmp_path, monkeypatch):
    trained(tmp_path, 1)
    monkeypatch.setenv(
        "TF_CONFIG",
        json.dumps(
            {
                "cluster": {"worker": ["localhost:1", "localhost:2"]},
                "task": {"type": "worker", "index": 1},
            }
        ),
    )

    run = sslkeras.pretrain(
        Denoise(level=0.0),
        stripes(test=37),
        small_encoder,
        output=tmp_path / "run",
        strategy="multi_worker",
        **SETTINGS,
    )

    for ours, theirs in zip(run.model.get_weights(), np.load(tmp_path / "worker-0.npz").values()):
        np.testing.assert_array_equal(ours, theirs)
