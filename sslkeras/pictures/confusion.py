"""The confusion matrix: which classes are taken for which."""

import numpy as np

from sslkeras.pictures.canvas import new_figure
from sslkeras.pictures.inputs import label_text

# More classes than this are drawn without names and numbers.
_MOST_NAMES = 30


def draw_confusion(truth, answers, classes, label_names=None, title=""):
    """A row a true class, as shares of its examples; the diagonal is right.

    Args:
        truth: int `(examples,)`, indices of classes; -1 for one that is not known.
        answers: int `(examples,)`, indices of classes.
        classes: The classes by index, as they stand in the data.
        label_names: Names of the classes, or None.
        title: Above the picture.
    """
    counts = confusion_counts(truth, answers, len(classes))
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    side = float(np.clip(0.42 * len(classes), 3.0, 9.0))
    figure = new_figure(side + 2.2, side + 1.2)
    axes = figure.subplots()
    # A light colour map, so that numbers can be read on all but the darkest cells.
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    names = [label_text(one, label_names) for one in classes]
    if len(classes) <= _MOST_NAMES:
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(len(names)), names)
        size = 9 if len(classes) <= 12 else 6
        for i, j in np.argwhere(counts > 0):
            colour = "white" if shares[i, j] > 0.6 else "black"
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, size=size)
    axes.set_xlabel("answered")
    axes.set_ylabel("true class")
    right = counts.trace() / max(len(np.asarray(truth)), 1)
    axes.set_title(f"{title}\n{right:.1%} right".strip(), fontsize=11)
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.8)
    return figure


def confusion_counts(truth, answers, num_classes):
    """int `(true classes, answered classes)`; examples of an unknown class are left out."""
    truth, answers = np.asarray(truth), np.asarray(answers)
    known = truth >= 0
    cells = truth[known] * num_classes + answers[known]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
