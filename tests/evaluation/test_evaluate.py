"""Tests of sslkeras.evaluation.evaluate."""

import json

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError, PluginError, RunError
from sslkeras.evaluation import features
from sslkeras.evaluation.linear import Linear
from sslkeras.evaluation.probe import Probe
from sslkeras.training import run as run_module
from tests.toys import Denoise, small_encoder, stripes


def test_pretrained_random_and_raw_are_compared(run):
    result = sslkeras.evaluate(run, seeds=2)

    assert result.surrogate == {"loss": 0.25}
    assert result["linear"].protocol == "linear"
    assert result["knn"].protocol == "knn(k=5)"
    for name in ("linear", "knn"):
        assert {c: len(runs) for c, runs in result[name].runs.items()} == {
            "pretrained": 1,
            "random init": 2,
            "raw input": 1,
        }
    assert result["linear"].feature_dimensions == {
        "pretrained": 6,
        "random init": 6,
        "raw input": 16,
    }
    assert (result["linear"].train_size, result["linear"].test_size) == (90, 41)
    assert result["linear"].metrics("raw input")["top-1"] > 0.9
    assert result["features"].metrics()["effective rank"] >= 1.0


def test_the_text_is_a_table_with_the_gain(run):
    result = sslkeras.evaluate(run, probes="linear")
    metrics = {c: result["linear"].metrics(c)["top-1"] for c in ("pretrained", "random init")}

    line = next(line for line in str(result).splitlines() if "top-1" in line)

    assert line.split()[0] == "linear"
    assert line.split()[2] == f"{metrics['pretrained']:.4f}"
    gain = metrics["pretrained"] - metrics["random init"]
    assert float(line.split()[-1]) == pytest.approx(gain, abs=1e-4)


def test_the_encoder_is_unchanged(run):
    before = run.model.get_weights()

    sslkeras.evaluate(run, probes=["linear", "finetune(labels=0.5, steps=3, seeds=1)"])

    for weights, old in zip(run.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, old)


def test_a_probe_that_changes_the_encoder_is_found_out(run):
    class Vandal(Probe):
        def run(self, subject, seed):
            if subject.encoder is not None:
                subject.encoder.set_weights([w + 1 for w in subject.encoder.get_weights()])
            return {"damage": 1.0}

    with pytest.raises(PluginError, match="must leave the encoder as it is.*vandal"):
        sslkeras.evaluate(run, probes=[Vandal()])


def test_equal_calls_give_equal_results(run):
    first, second = (
        sslkeras.evaluate(run, probes=["linear(labels=0.2, seeds=2)"]) for _ in range(2)
    )

    assert first["linear"].runs == second["linear"].runs
    assert len(first["linear"].runs["random init"]) == 2


def test_the_file_keeps_other_protocols_and_replaces_the_same(run, tmp_path):
    run.folder = tmp_path

    sslkeras.evaluate(run, probes=["linear"])
    sslkeras.evaluate(run, probes=["knn(k=5)", "linear"])

    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert sorted(entry["protocol"] for entry in content["probes"]) == [
        "features",
        "knn(k=5)",
        "linear",
    ]
    linear = next(entry for entry in content["probes"] if entry["protocol"] == "linear")
    assert linear["config"]["l2"] == 1.0
    assert (linear["train_size"], linear["test_size"], linear["epoch"]) == (90, 41, 2)
    assert linear["contenders"]["pretrained"]["feature_dimension"] == 6
    assert linear["contenders"]["pretrained"]["seeds"] == [0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "evaluation.json",
        "features",
        "pictures",
    ]


def test_a_foreign_file_is_not_overwritten(run, tmp_path):
    (tmp_path / "evaluation.json").write_text("notes of mine")

    with pytest.raises(RunError, match="must be a file that `evaluate` wrote"):
        sslkeras.evaluate(run, probes=["linear"], output=tmp_path)

    assert (tmp_path / "evaluation.json").read_text() == "notes of mine"


def test_probes_without_their_labels_are_left_out_aloud(stand_in, capsys):
    images = np.random.default_rng(0).uniform(size=(20, 4, 4, 1)).astype(np.float32)
    data = Given(ArraySplit({"image": images}), ArraySplit({"image": images}))

    result = sslkeras.evaluate(stand_in(data))

    assert result.surrogate == {"loss": 0.25}
    assert result.probes == []
    assert "'linear' is left out: it needs 'label', and the dataset has image" in str(result)
    assert "'linear' is left out" in capsys.readouterr().err


def test_another_dataset_is_judged_without_the_surrogate_task(run, data):
    result = sslkeras.evaluate(run, probes=["linear"], dataset=Given(data.train, data.train))

    assert result.surrogate == {}
    assert result["linear"].test_size == 90


def test_a_dataset_without_what_the_encoder_reads_is_refused(run):
    other = ArraySplit({"tokens": np.zeros((4, 3), np.int32)})

    with pytest.raises(DataError, match="must offer 'image'.*tokens"):
        sslkeras.evaluate(run, dataset=Given(other, other))


def test_a_collapsed_representation_is_said(stand_in, data):
    def zeros(shape):
        return keras.Sequential(
            [keras.Input(shape), keras.layers.Conv2D(2, 1, kernel_initializer="zeros")]
        )

    result = sslkeras.evaluate(stand_in(data, zeros), probes=["knn(k=5)"])

    assert any("'pretrained' hardly vary" in note for note in result.notes)
    assert result["features"].metrics()["feature std"] == pytest.approx(0.0)


def test_an_unknown_encoder_is_refused(run):
    with pytest.raises(ConfigurationError, match="`encoder` must be one of encoder"):
        sslkeras.evaluate(run, encoder="audio")


@pytest.mark.parametrize("arguments", [{"seeds": 0}, {"pooling": "sum"}, {"seeds": True}])
def test_impossible_arguments_are_refused(run, arguments):
    with pytest.raises(ConfigurationError, match=f"`{next(iter(arguments))}` must be"):
        sslkeras.evaluate(run, **arguments)


def test_probe_objects_are_taken_as_they_are(run):
    result = sslkeras.evaluate(run, probes=[Linear(target="size")])

    assert set(result["linear"].metrics()) == {"R^2"}


def test_a_second_evaluation_finds_the_features_of_the_first(run, tmp_path, monkeypatch):
    run.folder = tmp_path
    calls = []
    made = features.embedding_of

    def counted(*arguments):
        calls.append(arguments)
        return made(*arguments)

    monkeypatch.setattr(features, "embedding_of", counted)
    first = sslkeras.evaluate(run, probes=["linear"])
    assert len(calls) == 4  # Pretrained and random init, train and test.

    second = sslkeras.evaluate(run, probes=["linear", "knn(k=5)"])

    assert len(calls) == 4
    assert second["linear"].runs == first["linear"].runs


def test_other_weights_or_data_are_embedded_anew(run, stand_in, data, tmp_path, monkeypatch):
    run.folder = tmp_path
    calls = []
    made = features.embedding_of
    monkeypatch.setattr(features, "embedding_of", lambda *a: calls.append(a) or made(*a))
    sslkeras.evaluate(run, probes=["knn(k=5)"], baselines=False)

    run.model.set_weights([1.01 * weights for weights in run.model.get_weights()])
    sslkeras.evaluate(run, probes=["knn(k=5)"], baselines=False)
    assert len(calls) == 4

    sslkeras.evaluate(
        run, probes=["knn(k=5)"], baselines=False, dataset=Given(data.test, data.test)
    )
    assert len(calls) == 4  # The test split is known, whatever it is called.


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    sslkeras.pretrain(
        Denoise(),
        stripes(train=33, test=13),  # The last batches are odd.
        small_encoder,
        epochs=1,
        batch_size=8,
        output=folder,
        probes=("knn(k=5)",),
    )
    return folder


def test_two_devices_judge_as_one(kept_run, monkeypatch):
    seen = []
    made = features.embedding_of

    def noted(encoder, *more):
        seen.append(encoder.distribute_strategy.num_replicas_in_sync)
        return made(encoder, *more)

    monkeypatch.setattr(features, "embedding_of", noted)
    data, load = stripes(train=33, test=13), run_module.load_run
    monkeypatch.setattr(
        run_module,
        "load_run",
        lambda folder: load(folder, task=Denoise(), dataset=data, encoder=small_encoder),
    )
    arguments = dict(
        probes=["linear", "knn(k=5)", "linear(backend='sgd', epochs=3)"],
        pictures=False,
        keep_features=False,
    )

    one, two = (
        sslkeras.evaluate(kept_run, strategy=strategy, **arguments)
        for strategy in (None, "mirrored(devices=2)")
    )

    assert set(seen[: len(seen) // 2]) == {1} and set(seen[len(seen) // 2 :]) == {2}
    for alone, shared in zip(one.probes, two.probes, strict=True):
        for contender in ("pretrained", "random init", "raw input"):
            expected = pytest.approx(alone.metrics(contender), rel=1e-4, abs=1e-4)
            assert shared.metrics(contender) == expected


def test_a_strategy_is_no_matter_of_a_loaded_run(run):
    with pytest.raises(ConfigurationError, match="`strategy` must be left out"):
        sslkeras.evaluate(run, strategy="mirrored(devices=2)")
