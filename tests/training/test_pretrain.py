"""Tests of sslkeras.training.pretrain: one small task through whole runs."""

import csv
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.errors import (
    ConfigurationError,
    DataError,
    Interrupted,
    NonFiniteLossError,
    RunError,
)
from sslkeras.task import Stage
from tests.toys import Denoise, small_encoder, stripes


def pretrained(output=None, task=None, data=None, **settings):
    settings = {"epochs": 2, "batch_size": 16, **settings}
    return sslkeras.pretrain(
        task or Denoise(), data or stripes(), small_encoder, output=output, **settings
    )


@functools.cache
def undisturbed(**settings):
    """A run that nothing happens to and nothing changes, the same for all tests that ask for it."""
    return pretrained(**settings)


def weights(run):
    return np.concatenate([w.ravel() for w in run.model.get_weights()])


class KilledError(Exception):
    """Stands for kill -9: nothing of the run is tidied up on purpose."""


class KillAt(keras.callbacks.Callback):
    """Raises after a number of updates in this process."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_begin(self, batch, logs=None):
        if self.left <= 0:
            raise KilledError
        self.left -= self.model.steps_in_next_call()


def test_a_run_learns_and_leaves_a_folder_that_explains_itself(tmp_path):
    run = pretrained(tmp_path / "run", epochs=15, optimizer="adam(learning_rate=0.01)")

    assert run.history[-1]["val_loss"] < 0.3 * run.history[0]["val_loss"]
    config = json.loads((tmp_path / "run" / "run.json").read_text())
    assert config["settings"]["optimizer"] == "adam(learning_rate=0.01)"
    assert config["task"] == {"class": "tests.toys:Denoise", "arguments": {"level": 0.3}}
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == [str(6 * e) for e in range(1, 16)]
    assert (tmp_path / "run" / "encoder.keras").is_file()
    assert list((tmp_path / "run" / "logs").rglob("events*"))
    assert json.loads((tmp_path / "run" / "timing.json").read_text())[0]["steps"] == 90


def test_the_encoder_is_loaded_in_one_line_with_its_weights(tmp_path):
    run = pretrained(tmp_path / "run")

    encoder = sslkeras.load_encoder(
        tmp_path / "run", task=Denoise(), dataset=stripes(), encoder=small_encoder
    )

    images = np.random.RandomState(0).rand(3, 8, 8, 1).astype(np.float32)
    np.testing.assert_array_equal(encoder(images), run.encoders["encoder"](images))
    exported = keras.models.load_model(tmp_path / "run" / "encoder.keras", compile=False)
    np.testing.assert_allclose(exported(images), encoder(images), rtol=1e-6)


def test_objects_of_user_code_must_be_given_again_to_load_a_run(tmp_path):
    pretrained(tmp_path / "run")

    with pytest.raises(RunError, match="The task of this run came from user code"):
        sslkeras.load_encoder(tmp_path / "run")


def test_equal_seeds_give_equal_runs_and_others_do_not():
    one, same, other = undisturbed(), pretrained(), pretrained(seed=2)

    np.testing.assert_array_equal(weights(one), weights(same))
    assert not np.array_equal(weights(one), weights(other))


@pytest.fixture(scope="module", params=[{"epochs": 3}, {"epochs": None, "steps": 15}], ids=list)
def scheduled(request, tmp_path_factory):
    """Settings, and the undisturbed run that they make."""
    settings = {"checkpoint_steps": 4, "schedule": "cosine(warmup=0.2)", **request.param}
    return settings, pretrained(tmp_path_factory.mktemp("runs") / "whole", **settings)


@pytest.mark.parametrize("steps", [1, 5, 6, 8, 17])
def test_a_killed_run_ends_as_an_uninterrupted_one(tmp_path, scheduled, steps):
    settings, whole = scheduled

    with_kill = {**settings, "callbacks": [KillAt(steps)]}
    for _ in range(20):
        try:
            killed = pretrained(tmp_path / "killed", **with_kill)
            break
        except KilledError:
            with_kill["callbacks"] = [KillAt(steps + 3)]

    np.testing.assert_array_equal(weights(killed), weights(whole))
    files = [(run.folder / "history.csv").read_text() for run in (whole, killed)]
    assert files[0] == files[1]


def test_a_finished_run_is_not_trained_again(tmp_path, capsys):
    first = pretrained(tmp_path / "run")

    again = pretrained(tmp_path / "run")

    assert "nothing is left to train" in capsys.readouterr().err
    np.testing.assert_array_equal(weights(first), weights(again))


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(tmp_path, capsys):
    whole = undisturbed(epochs=3)
    with pytest.raises(KilledError):
        pretrained(tmp_path / "run", epochs=3, checkpoint_steps=2, callbacks=[KillAt(9)])
    folder = tmp_path / "run" / "checkpoints"
    manifests = sorted(folder.glob("*.json"), key=lambda path: int(path.stem[len("ckpt-") :]))
    before = json.loads(manifests[-2].read_text())["position"]["total"]
    newest = next(folder.glob(f"{manifests[-1].stem}.data*"))
    newest.write_bytes(newest.read_bytes()[:-10])

    run = pretrained(tmp_path / "run", epochs=3, checkpoint_steps=2)

    said = capsys.readouterr().err
    assert "is damaged" in said
    assert f"Resuming at step {before} in" in said
    np.testing.assert_array_equal(weights(run), weights(whole))


def test_another_configuration_on_the_same_folder_is_refused(tmp_path):
    pretrained(tmp_path / "run")
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "run").rglob("*") if f.is_file()}

    with pytest.raises(RunError, match="settings.seed: 0 there, 5 asked for"):
        pretrained(tmp_path / "run", seed=5)

    assert before == {f: f.stat().st_mtime_ns for f in before}


def test_where_and_how_often_it_is_saved_may_change_on_resume(tmp_path):
    pretrained(tmp_path / "run")

    pretrained(tmp_path / "run", checkpoint_steps=3, strategy="one_device(device='CPU:0')")


def test_sigterm_saves_at_the_next_step_and_raises_interrupted(tmp_path):
    whole = undisturbed(epochs=3)

    class Terminate(KillAt):
        def on_train_batch_begin(self, batch, logs=None):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="saved at step"):
        pretrained(tmp_path / "run", epochs=3, callbacks=[Terminate(3)])
    run = pretrained(tmp_path / "run", epochs=3)

    np.testing.assert_array_equal(weights(run), weights(whole))
    assert run.history == whole.history


def test_a_loss_that_is_not_finite_stops_the_run_naming_task_and_steps(tmp_path):
    with pytest.raises(NonFiniteLossError, match=r"task 'Denoise' must stay finite.*step \d+"):
        pretrained(tmp_path / "run", optimizer="sgd(learning_rate=1e30)", epochs=5)

    for path in (tmp_path / "run" / "checkpoints").glob("*.index"):
        reader = tf.train.load_checkpoint(str(path)[: -len(".index")])
        for name, shape in reader.get_variable_to_shape_map().items():
            if name.startswith("model/") and shape:
                assert np.all(np.isfinite(reader.get_tensor(name)))


def test_two_replicas_train_as_one():
    one = undisturbed(epochs=3)
    two = pretrained(epochs=3, strategy="mirrored(devices=2)")

    np.testing.assert_allclose(weights(two), weights(one), rtol=1e-3, atol=1e-5)
    for ours, theirs in zip(two.history, one.history):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-4)


def test_held_out_data_that_no_number_of_replicas_divides_is_judged_whole():
    data = stripes(test=33)
    one = pretrained(data=data, epochs=1)
    two = pretrained(data=data, epochs=1, strategy="mirrored(devices=2)")

    assert two.history[0]["val_loss"] == pytest.approx(one.history[0]["val_loss"], rel=1e-4)


def test_the_pretext_on_the_device_gives_the_hosts_run():
    host, device = undisturbed(), pretrained(pretext_on="device")

    np.testing.assert_allclose(weights(device), weights(host), rtol=1e-5, atol=1e-7)


def test_the_pretext_on_two_devices_trains():
    run = pretrained(pretext_on="device", strategy="mirrored(devices=2)")

    assert np.isfinite(run.history[-1]["loss"])


def test_accumulation_changes_nothing_but_the_memory():
    whole, sliced = undisturbed(), pretrained(accumulate=4)

    np.testing.assert_allclose(weights(sliced), weights(whole), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_and_leaves_the_policy_as_it_was(precision):
    run = pretrained(precision=precision, epochs=3)

    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert keras.mixed_precision.global_policy().name == "float32"


def test_early_stopping_ends_the_run_and_a_resumed_one_stays_stopped(tmp_path):
    settings = {"epochs": 40, "early_stopping": 2, "optimizer": "sgd(learning_rate=1e-9)"}
    # A learning rate this small improves nothing that float32 can hold.
    run = pretrained(tmp_path / "run", **settings)

    assert len(run.history) < 40
    assert len(pretrained(tmp_path / "run", **settings).history) == len(run.history)


class Staged(Denoise):
    """First trains on heavier noise, then as usual."""

    def pretext_with_heavy_noise(self, batch, seed):
        return batch["image"] * 0.5, batch["image"]

    def stages(self, model):
        return [
            Stage("heavy", model, pretext=self.pretext_with_heavy_noise, epochs=1),
            Stage("usual", model),
        ]


def test_stages_follow_each_other_and_survive_a_kill(tmp_path):
    whole = pretrained(tmp_path / "whole", Staged(), epochs=2, checkpoint_steps=3)
    with pytest.raises(KilledError):
        pretrained(tmp_path / "run", Staged(), epochs=2, checkpoint_steps=3, callbacks=[KillAt(9)])
    run = pretrained(tmp_path / "run", Staged(), epochs=2, checkpoint_steps=3)

    assert [row["stage"] for row in run.history] == ["heavy", "usual", "usual"]
    np.testing.assert_array_equal(weights(run), weights(whole))
    assert run.history == whole.history


def test_a_task_whose_stages_fix_their_epochs_takes_none():
    class Fixed(Staged):
        def stages(self, model):
            return super().stages(model)[:1]

    with pytest.raises(ConfigurationError, match="fixes the epochs of all its stages"):
        pretrained(task=Fixed(), epochs=2)
    assert len(pretrained(task=Fixed(), epochs=None).history) == 1


class Adapted(Denoise):
    """Stores the mean pixel in a weight before the first step."""

    def build_model(self, inputs, encoder, data):
        model = super().build_model(inputs, encoder, data)
        noted = keras.layers.Dense(1, trainable=False, name="noted")
        return keras.Model(model.input, keras.layers.Add()([model.output, 0 * noted(model.output)]))

    def adapt(self, model, batches):
        mean = np.mean([float(tf.reduce_mean(batch["image"])) for batch in batches])
        model.get_layer("noted").set_weights([np.full([1, 1], mean), np.zeros([1])])


def test_adapt_runs_once_before_the_first_step_and_is_restored(tmp_path):
    data = stripes()
    with pytest.raises(KilledError):
        pretrained(tmp_path / "run", Adapted(), data, callbacks=[KillAt(1)])

    class NeverAgain(Adapted):
        def adapt(self, model, batches):
            raise AssertionError("adapted twice")

    NeverAgain.__qualname__, NeverAgain.__module__ = "Adapted", Adapted.__module__
    run = pretrained(tmp_path / "run", NeverAgain(), data)

    stored = run.model.get_layer("noted").get_weights()[0].item()
    images = np.concatenate([b["image"] for b in data.train.batches(96)])
    assert stored == pytest.approx(images.mean() / 255, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": None}, "neither `epochs` nor `steps`"),
        ({"steps": 3}, "epochs=2, steps=3"),
        ({"epochs": 0}, "`epochs` of Settings must be an integer >= 1"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"batch_size": 3, "strategy": "mirrored(devices=2)"}, "batch_size"),
        ({"batch_size": 16, "accumulate": 3}, "multiple of `accumulate`"),
        ({"hogwild": 2, "deterministic": True}, "no fixed order"),
        ({"hogwild": 2, "strategy": "mirrored(devices=2)"}, "`hogwild` is for one CPU"),
        ({"hogwild": 2, "optimizer": "adam"}, "needs optimizer='sgd'"),
        ({"optimizer": "adan"}, "Did you mean 'adam'"),
        ({"schedule": "cosinus"}, "Did you mean 'cosine'"),
        ({"strategy": "mirored"}, "Did you mean 'mirrored'"),
        ({"precision": "float8"}, "one of 'float32'"),
        ({"early_stopping": 2, "validate_every": 0}, "Early stopping watches"),
        ({"optimizer": "cocob", "schedule": "cosine"}, "needs a learning rate"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        pretrained(tmp_path / "run", **settings)

    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(DataError, match="batch_size=97 for 96 examples"):
        pretrained(batch_size=97)


def test_a_task_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="must be a name or an sslkeras.Task"):
        sslkeras.pretrain(None, "digits", epochs=1)


def test_held_out_examples_of_unknown_number_are_judged_whatever_runs_in_one_call():
    examples = stripes().train.examples()
    unknown = examples.take(40).filter(lambda example: True)
    data = sslkeras.datasets.Given(examples.take(64), unknown)
    known = sslkeras.datasets.Given(examples.take(64), examples.take(40))

    runs = [pretrained(data=one, steps_per_epoch=4, steps_per_execution=4) for one in (data, known)]

    assert unknown.cardinality() < 0
    assert runs[0].history[-1]["val_loss"] == runs[1].history[-1]["val_loss"]


def test_a_dataset_without_held_out_examples_trains_without_evaluation():
    data = sslkeras.datasets.Given(stripes().train)

    assert "val_loss" not in pretrained(data=data).history[-1]


def test_kill_9_in_deterministic_mode_gives_the_same_bits(tmp_path):
    """Two processes: one is really killed, then both commands run to the end."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, keras, sslkeras, os, signal\n"
        "from tests.toys import Denoise, small_encoder, stripes\n"
        "class Kill(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        if epoch == 2 and sys.argv[2] == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
        "sslkeras.pretrain(Denoise(), stripes(), small_encoder, output=sys.argv[1], epochs=5,\n"
        "                  batch_size=16, deterministic=True, checkpoint_steps=4,\n"
        "                  callbacks=[Kill()])\n"
    )
    root = str(pathlib.Path(__file__).parents[2])

    def command(output, how):
        done = subprocess.run(
            [sys.executable, script, tmp_path / output, how],
            env={**os.environ, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stderr[-3000:])
        return done.returncode

    assert command("whole", "") == 0
    assert command("killed", "kill") == -signal.SIGKILL
    assert command("killed", "") == 0

    names = ("whole", "killed")
    assert len({(tmp_path / name / "history.csv").read_text() for name in names}) == 1
    exported = [
        keras.models.load_model(tmp_path / name / "encoder.keras", compile=False).get_weights()
        for name in names
    ]
    for ours, theirs in zip(*exported):
        np.testing.assert_array_equal(ours, theirs)
