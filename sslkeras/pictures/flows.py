"""Predicted optical flow beside the true one."""

import numpy as np

from sslkeras.pictures.inputs import heat
from sslkeras.pictures.overlays import flow_colours, flow_wheel
from sslkeras.pictures.sheet import Cell, Sheet

_PERCENTILE = 99  # A few wild vectors shall not make all others pale.


def draw_flows(truth, flow, valid, frames=None, title=""):
    """Frame, true flow, predicted flow and the length of the error, an example a row.

    Hue is the direction, as the wheel shows it; saturation the length, on one scale in a row.

    Args:
        truth: float `(examples, height, width, 2)`.
        flow: The same of the prediction.
        valid: bool `(examples, height, width)`; what is not known is grey.
        frames: `(examples, height, width, channels)` that the flow begins in, or None.
        title: Above the picture.
    """
    rows = []
    for i, known in enumerate(valid):
        length = np.linalg.norm(truth[i], axis=-1)[known]
        longest = float(np.percentile(length, _PERCENTILE)) if length.size else 0.0
        longest = longest or float(length.max(initial=0.0)) or 1.0
        error = np.where(known, np.linalg.norm(flow[i] - truth[i], axis=-1), 0.0)
        true, found = flow_colours(truth[i], longest), flow_colours(flow[i], longest)
        true[~known] = 0.5
        epe = float(error[known].mean()) if known.any() else float("nan")
        row = [
            Cell(true, f"full colour: {longest:.1f} pixels"),
            Cell(found),
            Cell(heat(error, "magma", 0.0, longest), f"EPE {epe:.2f} pixels"),
        ]
        rows.append(row if frames is None else [Cell(frames[i]), *row])
    rows[0].append(Cell(flow_wheel(), "direction of motion"))
    columns = ["true flow", "predicted", "error"]
    columns = [*([] if frames is None else ["first frame"]), *columns, "colours"]
    return Sheet(rows, columns=columns, title=title)
