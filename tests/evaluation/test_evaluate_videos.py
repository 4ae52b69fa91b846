"""Tests of sslkeras.evaluation.evaluate with probes of frames and of several encoders."""

import json

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import PluginError
from sslkeras.evaluation.probe import Probe
from sslkeras.task import Task

PROBES = (
    "alignment_error",
    "anomaly",
    "attribute_error",
    "cross_modal_retrieval",
    "disentanglement",
    "frame_retrieval",
    "kendall_tau",
    "phase_classification",
    "phase_progression",
    "retrieval",
)


class TwoTrunks(Task):
    """Compares what two trunks say of frames; it is never trained here."""

    reads = {"video": (1, 1, 1, 1)}
    probes = ("kendall_tau",)

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["video"][:, 0], batch["video"][:, 0]

    def build_model(self, inputs, encoder, data):
        frame = keras.Input(inputs.shape[1:])
        trunks = [
            keras.Sequential(
                [keras.Input(inputs.shape[1:]), keras.layers.Conv2D(3, 1, name=f"{name}_layer")],
                name=name,
            )
            for name in ("first", "second")
        ]
        return keras.Model(frame, keras.layers.Add()([trunk(frame) for trunk in trunks]))

    def loss(self):
        return keras.losses.MeanSquaredError()

    def encoders(self, model):
        return {name: model.get_layer(name) for name in ("first", "second")}

    def encoder_reads(self):
        return dict.fromkeys(("first", "second"), "video")


class Run:
    """What `evaluate` uses of a run."""

    folder, batch_size, history, config = None, 8, [], {"dataset": "toy"}

    def __init__(self, data):
        self.data, self.task = data, TwoTrunks()
        self.model = self.untrained_model(9)

    @property
    def encoders(self):
        return self.task.encoders(self.model)

    def untrained_model(self, seed):
        keras.utils.set_random_seed(seed)
        return self.task.build_model(keras.Input((1, 2, 1)), None, self.data)

    def surrogate_metrics(self):
        return {"loss": 1.0}


@pytest.fixture(scope="module")
def data():
    """Videos of 8 frames in which a value rises through two phases; labels are its slopes."""

    def split(count, seed):
        generator = np.random.default_rng(seed)
        label = np.arange(count) % 2
        rise = np.arange(8) * (1.0 + 0.2 * label[:, np.newaxis])
        video = np.stack([rise, rise**2 / 9], axis=-1) + 0.05 * generator.normal(size=(count, 8, 2))
        video = video[:, :, np.newaxis, :, np.newaxis].astype(np.float32)
        return ArraySplit(
            {
                "video": video,
                "views": np.stack([video, video + 0.01], axis=1),
                "phase": np.repeat([[0, 1]], 4, axis=1).repeat(count, axis=0).astype(np.int32),
                "attributes": np.repeat([[0, 1]], 4, axis=1).repeat(count, axis=0).astype(np.int32),
                "label": label,
                "anomaly": label,
            }
        )

    return Given(split(8, 0), split(6, 1))


@pytest.fixture(scope="module")
def result(data):
    return sslkeras.evaluate(Run(data), probes=PROBES)


def test_probes_are_found_by_name():
    assert set(PROBES) <= set(registry.probes.names())


@pytest.mark.parametrize("name", PROBES)
def test_the_random_encoder_and_the_raw_input_stand_beside(result, name):
    # Raw modalities have no common space and are no codes.
    raw = set() if name in ("cross_modal_retrieval", "disentanglement") else {"raw input"}

    assert set(result[name].runs) == {"pretrained", "random init"} | raw
    for contender in result[name].runs:
        assert all(np.isfinite(value) for value in result[name].metrics(contender).values())


def test_raw_frames_align_in_order(result):
    assert result["kendall_tau"].metrics("raw input")["tau"] > 0.8
    assert result["alignment_error"].metrics("raw input")["error"] < 0.05
    assert result["phase_progression"].metrics("raw input")["R^2"] > 0.9
    accuracy = result["phase_classification"].metrics("raw input")["accuracy, 100% of videos"]
    assert accuracy > 0.8


def test_sizes_are_those_of_frames(result):
    assert result["kendall_tau"].feature_dimensions == {
        "pretrained": 3,
        "random init": 3,
        "raw input": 2,
    }
    assert (result["kendall_tau"].train_size, result["kendall_tau"].test_size) == (8, 6)


def test_probes_of_frames_need_no_features_of_whole_videos(data):
    found = sslkeras.evaluate(Run(data), probes="kendall_tau", encoder="second")

    assert [probe.protocol for probe in found.probes] == ["kendall_tau"]
    assert found["kendall_tau"].encoder == "second"


def test_nearest_frames_are_written_for_pictures(data, tmp_path):
    sslkeras.evaluate(Run(data), probes="frame_retrieval", output=tmp_path)

    found = json.loads((tmp_path / "nearest_frames.json").read_text())

    assert [(one["video"], one["other"]) for one in found[:2]] == [(0, 1), (0, 2)]
    assert len(found) == 6 * 5
    assert len(found[0]["frames"]) == 8


def test_a_dataset_without_phases_leaves_a_default_probe_out_aloud(data):
    split = ArraySplit({"video": np.ones((3, 4, 1, 2, 1), np.float32)})
    run = Run(data)
    run.config = {**run.config, "probes": ["phase_progression"]}

    found = sslkeras.evaluate(run, dataset=Given(split, split))

    assert found.probes == []
    assert "'phase_progression' is left out: it needs 'phase'" in found.notes[0]


def test_a_probe_that_changes_another_encoder_is_found_out(data):
    class Vandal(Probe):
        reads = ()

        def run(self, subject, seed):
            other = subject.of_encoder("second").encoder
            if other is not None:
                other.set_weights([w + 1 for w in other.get_weights()])
            return {"damage": 1.0}

    with pytest.raises(PluginError, match="must leave the encoder as it is.*vandal"):
        sslkeras.evaluate(Run(data), probes=[Vandal()])
