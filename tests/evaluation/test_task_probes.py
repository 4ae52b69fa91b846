"""Tests of probes that ask the task, run by `sslkeras.evaluation.evaluate`."""

import numpy as np
import pytest

from sslkeras import registry
from sslkeras.evaluation import features
from sslkeras.evaluation.evaluate import evaluate
from tests.evaluation.conftest import Identity

TASK_PROBES = (
    "flow_epe",
    "frame_quality",
    "localization",
    "masked_accuracy",
    "perplexity",
    "word_analogy(path='x')",
    "word_similarity(path='x')",
)
MAP_PROBES = ("bag_of_words", "label_propagation")


class Words(Identity):
    """Its words are the columns of the last layer."""

    def word_vectors(self, model):
        matrix = model.get_weights()[-2].T
        return [f"w{i}" for i in range(len(matrix))], matrix


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("".join(f"w{i},w{i + 1},{i * i % 7}\n" for i in range(12)))
    return str(path)


def test_models_are_compared_and_no_features_are_extracted(stand_in, data, pairs, monkeypatch):
    monkeypatch.setattr(features, "extract", None)
    run = stand_in(data, task=Words())

    found = evaluate(run, probes=[f"word_similarity(path={pairs!r})"], seeds=2)

    result = found["word_similarity"]
    assert set(result.runs) == {"pretrained", "random init"}
    assert len({one["Spearman"] for runs in result.runs.values() for one in runs}) == 3
    assert result.metrics()["coverage"] == 1.0
    assert (result.train_size, result.test_size) == (90, 41)
    assert "Spearman" in str(found)


@pytest.mark.parametrize("name", TASK_PROBES + MAP_PROBES)
def test_these_probes_judge_models_and_say_so(name):
    probe = registry.probes.create(name)

    assert probe.needs_encoder and not probe.needs_features
    assert type(probe)(**probe.get_config()).get_config() == probe.get_config()


def test_default_probes_whose_truth_the_data_lacks_are_left_out(stand_in, data):
    run = stand_in(data, task=Words())
    run.config = {**run.config, "probes": ["flow_epe", "label_propagation"]}

    found = evaluate(run)

    assert [note.partition(" is left out")[0] for note in found.notes] == [
        "'flow_epe'",
        "'label_propagation'",
    ]


def test_the_gain_is_over_random_weights(stand_in, data, pairs):
    result = evaluate(
        stand_in(data, task=Words()), probes=[f"word_similarity(path={pairs!r})"], seeds=2
    )["word_similarity"]
    values = {name: [run["Spearman"] for run in runs] for name, runs in result.runs.items()}

    assert result.gain()["Spearman"] == pytest.approx(
        values["pretrained"][0] - np.mean(values["random init"])
    )
