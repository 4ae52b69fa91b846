"""Loss and metrics by epoch, in training and on held-out data."""

import numbers

import numpy as np
from matplotlib.ticker import MaxNLocator

from sslkeras import report
from sslkeras.pictures.canvas import PALETTE, new_figure, save

_NO_CURVES = {"stage", "stage_index", "epoch", "step", "learning_rate"}
# A linear axis hides what happens below this share of it.
_LOG_FROM_RATIO = 20.0


def draw(run, folder, examples, seed):
    """Writes curves.png, a panel a quantity."""
    names = quantities(run.history)
    if not names:
        report.warn("The picture 'curves' is left out: the run has not finished an epoch.")
        return []
    across = min(len(names), 3)
    down = -(-len(names) // across)
    figure = new_figure(4.6 * across, 3.4 * down)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, run.history, name)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    if len(labels) > 1:
        panels[0].legend(handles, labels, frameon=False)
    return [save(figure, folder, "curves")]


def quantities(history) -> list:
    """Names of what can be drawn: the loss first, held-out curves with their training ones."""
    names = dict.fromkeys(
        name.removeprefix("val_")
        for row in history
        for name, value in row.items()
        if name not in _NO_CURVES and _is_number(value)
    )
    return sorted(names, key=lambda name: name != "loss")


def is_better_in_log(values) -> bool:
    """Whether positive values span so much that a logarithmic axis shows more."""
    values = values[np.isfinite(values)]
    return len(values) > 1 and values.min() > 0 and values.max() / values.min() > _LOG_FROM_RATIO


def _panel(axes, history, name):
    epochs = np.arange(1, len(history) + 1)
    drawn = []
    for key, label, color, line in (
        (name, "training", PALETTE[0], "-"),
        (f"val_{name}", "held out", PALETTE[1], "--"),
    ):
        values = np.array([_number(row.get(key)) for row in history])
        if np.isfinite(values).any():
            marker = "o" if len(history) <= 20 else None
            axes.plot(epochs, values, line, color=color, label=label, marker=marker, markersize=3.5)
            drawn.append(values)
    if is_better_in_log(np.concatenate(drawn)):
        axes.set_yscale("log")
    axes.set_title(name.replace("_", " "))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)
    _mark_stages(axes, history)


def _mark_stages(axes, history):
    stages = [row.get("stage") for row in history]
    starts = [i for i in range(len(stages)) if i == 0 or stages[i] != stages[i - 1]]
    if len(starts) < 2:
        return
    for start in starts:
        if start:
            axes.axvline(start + 0.5, color="0.6", linewidth=0.8, linestyle=":")
        axes.text(
            start + 0.6,
            0.99,
            str(stages[start]),
            transform=axes.get_xaxis_transform(),
            fontsize=8,
            color="0.35",
            va="top",
        )


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _number(value):
    return float(value) if _is_number(value) else np.nan
