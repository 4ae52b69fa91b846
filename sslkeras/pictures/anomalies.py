"""Anomaly scores: how far apart both kinds lie, over time, and which examples stand out."""

import numpy as np

from sslkeras.pictures.canvas import PALETTE, new_figure
from sslkeras.pictures.examples import examples_at
from sslkeras.pictures.inputs import input_cells
from sslkeras.pictures.sheet import BAD, GOOD, Sheet

EXAMPLES, VIDEOS = 8, 6


def draw_scores(scores, anomalous, title=""):
    """Histograms of the scores of normal and of anomalous examples.

    Args:
        scores: float `(examples,)`.
        anomalous: bool `(examples,)`.
        title: Above the picture.
    """
    figure = new_figure(6.2, 3.6)
    axes = figure.subplots()
    edges = np.histogram_bin_edges(scores, bins=40)
    for kind, label, colour in ((~anomalous, "normal", 0), (anomalous, "anomalous", 1)):
        axes.hist(
            scores[kind],
            edges,
            density=True,
            alpha=0.6,
            color=PALETTE[colour],
            label=f"{label} ({int(kind.sum())})",
            # The outline tells them apart without colours.
            histtype="stepfilled",
            edgecolor=PALETTE[colour],
            linestyle="-" if label == "normal" else "--",
        )
    axes.set_xlabel("anomaly score")
    axes.set_ylabel("density")
    axes.legend(frameon=False)
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_extremes(subject, feature, scores, anomalous, title=""):
    """The test examples with the largest and the smallest scores.

    Marked as good: an anomaly among the largest, a normal one among the smallest.

    Args:
        subject: The `Subject`.
        feature: Feature that is shown.
        scores: float `(examples,)`.
        anomalous: bool `(examples,)`.
        title: Above the picture.
    """
    count = max(1, min(EXAMPLES, len(scores) // 2))
    largest = np.argsort(-scores, kind="stable")[:count]
    smallest = np.argsort(scores, kind="stable")[:count]
    rows = []
    for chosen, wanted in ((largest, True), (smallest, False)):
        values = examples_at(subject.split("test"), chosen, (feature,))[feature]
        texts = [f"{scores[i]:.3g} {'anomalous' if anomalous[i] else 'normal'}" for i in chosen]
        marks = [GOOD if anomalous[i] == wanted else BAD for i in chosen]
        vocabulary = subject.data.vocabulary
        rows.append(input_cells(values, vocabulary=vocabulary, texts=texts, marks=marks))
    return Sheet(rows, headings=["largest scores", "smallest scores"], title=title)


def draw_over_time(scores, anomalous, title=""):
    """Scores of the frames of some videos, anomalous frames shaded; videos with some come first.

    Args:
        scores: float `(frames,)` of each video.
        anomalous: bool `(frames,)` of each video.
        title: Above the picture.
    """
    order = sorted(range(len(scores)), key=lambda i: not anomalous[i].any())[:VIDEOS]
    figure = new_figure(7.0, 1.25 * len(order) + 0.9)
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(len(order), 1, squeeze=False, sharey=True).ravel()
    for axes, i in zip(panels, order, strict=True):
        frames = np.arange(len(scores[i]))
        axes.plot(frames, scores[i], color=PALETTE[0])
        for frame in np.flatnonzero(anomalous[i]):
            axes.axvspan(frame - 0.5, frame + 0.5, color=PALETTE[1], alpha=0.25, linewidth=0)
        axes.set_ylabel(f"video {i}", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("frame (anomalous ones are shaded)")
    return figure
