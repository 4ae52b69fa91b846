"""Which encoder holds which factor."""

import numpy as np

from sslkeras.pictures.canvas import new_figure


def draw_factors(scores, factors, encoders, title=""):
    """A row a factor, a column an encoder; "chance" is a column of its own.

    Args:
        scores: float `(factors, encoders + 1)`, what a linear probe reads from each encoder and,
            in the last column, chance; NaN where there is none.
        factors, encoders: Their names.
        title: Above the picture.
    """
    scores = np.asarray(scores, np.float64)
    columns = [*encoders, "chance"]
    figure = new_figure(1.3 * len(columns) + 2.4, 0.6 * len(factors) + 1.8)
    axes = figure.subplots()
    drawn = axes.imshow(scores, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(factors)), factors)
    for (i, j), value in np.ndenumerate(scores):
        if np.isfinite(value):
            colour = "white" if value > 0.6 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour)
    axes.set_title(title, fontsize=11)
    figure.colorbar(drawn, ax=axes, label="accuracy, or R²")
    return figure
