"""Tests of sslkeras.evaluation.flow_epe."""

import keras
import numpy as np
import pytest

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.datasets.moving_digits import MovingDigits
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.flow_epe import FlowEPE
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task


class Still(Task):
    """Says that everything moves alike; the model is that motion."""

    reads = {"video": (2, 1, 1, 1)}

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["video"], batch["video"]

    def build_model(self, inputs, encoder, data):
        raise NotImplementedError

    def loss(self):
        return keras.losses.MeanSquaredError()

    def predict_flow(self, model, batch):
        given = {"flow": model + 0 * batch["video"][:, 0, ::2, ::2], "truth": batch["flow"][:, 0]}
        return given | {name: batch[name] for name in ("valid", "visible") if name in batch}


def subject_of(data, motion=(0.0, 0.0), task=None):
    return Subject(
        "pretrained",
        data,
        "video",
        None,
        batch_size=2,
        task=task or Still(),
        model=np.array(motion, np.float32),
    )


def given_data(**more):
    video = np.zeros((3, 2, 4, 8, 1), np.float32)
    flow = np.zeros((3, 1, 4, 8, 2), np.float32)
    flow[:, :, :2] = 2, -4
    split = ArraySplit({"video": video, "flow": flow, **more})
    return Given(split, split)


def test_errors_are_beside_those_of_zero_flow():
    # At half the size the flow is (1, -2); the lower half of the picture stands still.
    result = FlowEPE().run(subject_of(given_data(), (1, -2)), 0)

    length = np.hypot(2, 4)
    assert result["EPE"] == pytest.approx(length / 2)
    assert result["moving EPE"] == pytest.approx(0)
    assert result["zero-flow EPE"] == pytest.approx(length / 2)
    assert result["zero-flow moving EPE"] == pytest.approx(length)
    assert result["Fl-all"] == result["zero-flow Fl-all"] == 0.5


def test_pixels_that_are_not_known_or_occluded_can_be_left_out():
    valid, visible = np.ones((2, 3, 4, 8), bool)
    valid[:, 2:] = False
    visible[:, :, 4:] = False
    data = given_data(valid=valid, visible=visible)
    data.test._arrays["flow"][:, :, 2:] = np.nan

    result = FlowEPE(valid="valid", visible="visible").run(subject_of(data, (1, -2)), 0)

    assert result["EPE"] == result["non-occluded EPE"] == pytest.approx(0)
    assert result["zero-flow non-occluded Fl-all"] == 1
    with pytest.raises(DataError, match="True flow must be finite.*mark unknown pixels"):
        FlowEPE().run(subject_of(data), 0)
    data.test._arrays["valid"][:] = False
    data = given_data(valid=data.test._arrays["valid"])
    with pytest.raises(DataError, match="no valid pixel"):
        FlowEPE(valid="valid").run(subject_of(data), 0)


def test_moving_digits_carry_their_flow():
    data = MovingDigits(num_examples=1, num_test=3, size=24, digit_size=10, num_frames=3)

    result = FlowEPE(max_examples=2).run(subject_of(data), 0)

    assert result["EPE"] == pytest.approx(result["zero-flow EPE"])
    assert result["moving EPE"] > result["EPE"] > 0


def test_predictions_that_do_not_fit_are_refused():
    class NoTruth(Still):
        def predict_flow(self, model, batch):
            return {"flow": super().predict_flow(model, batch)["flow"]}

    with pytest.raises(DataError, match="must give 'flow'.*and 'truth'.*Correct the task's"):
        FlowEPE().run(subject_of(given_data(), task=NoTruth()), 0)
    with pytest.raises(DataError, match="Predicted flow must be finite"):
        FlowEPE().run(subject_of(given_data(), (np.nan, 0)), 0)

    class Other(Still):
        predict_flow = None

    with pytest.raises(ConfigurationError, match="'flow_epe' needs a task.*`predict_flow"):
        FlowEPE().run(subject_of(given_data(), task=Other()), 0)
