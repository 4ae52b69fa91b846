"""End-point error of predicted optical flow.

M. Menze, A. Geiger, "Object Scene Flow for Autonomous Vehicles", CVPR 2015 (Fl-all).
"""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.flow_scores import FlowScores, rescale_flow
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.task_method import task_method, task_outputs
from sslkeras.hyperparameters import Integer, Optional, Text

SIGNATURE = "predict_flow(model, batch) -> dict"
_DRAWN = 6  # Examples in a picture.


class FlowEPE(Probe):
    """Mean length of the error of the flow that the task's model predicts, and outliers.

    The mean is taken over all valid pixels of the test split. Outliers ("Fl-all") are off
    by more than 3 pixels and by more than 5% of the true length. The predicted flow is
    brought to the size of the true one, its values with it. Baseline: "zero-flow".

    The task offers `predict_flow(model, batch)`, in TensorFlow ops, for a raw batch that
    holds the dataset's flow as well. It returns a dict of tensors: "flow" `(batch, h, w,
    2)`, (u, v) in pixels of that size, "truth" `(batch, height, width, 2)`, the true flow of
    the same frames, and where the data says so "valid" and "visible" (not occluded),
    bool `(batch, height, width)`.

    Args:
        target: Feature of the data with the true flow, read along.
        valid: Feature of the data that says where it is known, read along; None: everywhere.
        visible: Feature of the data that says what is not occluded, read along; None.
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    hyperparameters = {
        "target": Text("the name of a feature"),
        "valid": Optional(Text("the name of a feature")),
        "visible": Optional(Text("the name of a feature")),
        "max_examples": Optional(Integer(1), "all"),
    }
    reads = ("flow",)

    def __init__(self, *, target="flow", valid=None, visible=None, max_examples=1000):
        super().__init__(target=target, valid=valid, visible=visible, max_examples=max_examples)
        self.reads = tuple(name for name in (target, valid, visible) if name is not None)

    def run(self, subject, seed):
        """Judges the flow of the test split; nothing is random.

        Returns:
            "EPE" and "Fl-all", "moving EPE" over pixels whose true flow is not 0,
            "non-occluded EPE" and "non-occluded Fl-all" where that is known, and each of
            them for "zero-flow".
        """
        predict = task_method(subject, "flow_epe", SIGNATURE)
        scores, shown = {}, None
        outputs = task_outputs(
            subject,
            "test",
            lambda batch: (predict(subject.model, batch), _first_frames(batch)),
            self.max_examples,
            self.reads,
        )
        for given, frames in outputs:
            truth, flow, valid, visible = _checked(given)
            if shown is None:
                frames = frames[0][:_DRAWN] if frames else None
                shown = [truth[:_DRAWN], flow[:_DRAWN], valid[:_DRAWN], frames]
            moving = valid & (np.linalg.norm(truth, axis=-1) > 0)
            for prefix, prediction in (("", flow), ("zero-flow ", np.zeros_like(truth))):
                areas = {"": valid, "moving ": moving}
                if visible is not None:
                    areas["non-occluded "] = valid & visible
                for area, counted in areas.items():
                    entry = scores.setdefault(prefix + area, FlowScores())
                    entry.add(truth, prediction, counted)
        if not scores[""].count:
            raise DataError(
                "Flow must be known at some test pixel. Received: no valid pixel. Choose another "
                "dataset or another `valid`."
            )

        def draw():
            from sslkeras.pictures.flows import draw_flows

            return draw_flows(*shown, f"Optical flow ({subject.name})")

        subject.picture(
            "flow",
            draw,
            "Hue is the direction of the motion, as on the wheel; the fuller the "
            "colour, the longer it is. White does not move.",
        )
        result = {}
        for name, entry in scores.items():
            if entry.count:
                metrics = entry.metrics()
                if name.endswith("moving "):
                    del metrics["Fl-all"]
                result |= {name + metric: value for metric, value in metrics.items()}
        return result


def _first_frames(batch):
    """The first frames of the clips of a batch, in a list; an empty one without clips."""
    return [value[:, 0] for name, value in batch.items() if name == "video"]


def _checked(given):
    """Truth, flow of its size, and bool masks of valid and visible pixels (or None)."""
    shapes = {
        name: given[name].shape for name in ("flow", "truth", "valid", "visible") if name in given
    }
    truth, flow = given.get("truth"), given.get("flow")
    if (
        truth is None
        or flow is None
        or flow.ndim != 4
        or truth.ndim != 4
        or len(flow) != len(truth)
        or flow.shape[-1] != 2
        or truth.shape[-1] != 2
        or any(given[n].shape != truth.shape[:3] for n in ("valid", "visible") if n in given)
    ):
        raise DataError(
            "`predict_flow` must give 'flow' (batch, h, w, 2) and 'truth' (batch, height, width, "
            "2), and 'valid' and 'visible' (batch, height, width) if at all. Received: "
            f"{shapes}. Correct the task's method."
        )
    valid = np.ones(truth.shape[:3], bool)
    if "valid" in given:
        valid = given["valid"].astype(bool)
    visible = given["visible"].astype(bool) if "visible" in given else None
    for name, values in (("Predicted", flow), ("True", truth[valid])):
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values).all(axis=-1)).sum())
            raise DataError(
                f"{name} flow must be finite. Received: NaN or infinity at {bad} pixels. Look for "
                "a diverged training, or mark unknown pixels with 'valid'."
            )
    truth = np.where(valid[..., np.newaxis], truth, 0.0)
    return truth, rescale_flow(flow, truth.shape[1:3]), valid, visible
