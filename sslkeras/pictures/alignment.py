"""How frames of videos correspond: paths of nearest neighbours, and the frames themselves."""

import numpy as np

from sslkeras.pictures.canvas import PALETTE, new_figure
from sslkeras.pictures.examples import examples_at
from sslkeras.pictures.inputs import label_text
from sslkeras.pictures.sheet import BAD, GOOD, QUERY, Cell, Sheet

PAIRS, OTHERS, MOMENTS = 6, 3, 8


def draw_paths(pairs, title=""):
    """Distances of all frames of two videos, with the nearest frame of the second as a path.

    Args:
        pairs: Dicts with "first" and "second", features `(frames, features)`, "names" of both,
            and "text", e.g. the pair's score. The first six are drawn.
        title: Above the picture.
    """
    from sslkeras.evaluation.nearest import squared_distances

    pairs = pairs[:PAIRS]
    across = min(len(pairs), 3)
    down = -(-len(pairs) // across)
    figure = new_figure(3.4 * across + 0.4, 3.2 * down + 0.7)
    figure.suptitle(title, fontsize=12)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, pair in zip(panels, pairs, strict=False):
        parts = [part for _, part in squared_distances(pair["first"], pair["second"])]
        distances = np.sqrt(np.concatenate(parts))
        axes.imshow(distances.T, cmap="Greys_r", origin="lower", aspect="auto")
        path = distances.argmin(axis=1)
        axes.plot(path, color=PALETTE[1], marker="o", markersize=3, linewidth=1.2)
        axes.set_xlim(-0.5, len(distances) - 0.5)
        axes.set_ylim(-0.5, distances.shape[1] - 0.5)
        axes.set_xlabel(f"frame of {pair['names'][0]}")
        axes.set_ylabel(f"nearest frame of {pair['names'][1]}")
        axes.set_title(pair["text"], fontsize=10)
    for axes in panels[len(pairs) :]:
        axes.set_visible(False)
    return figure


def draw_frames_elsewhere(subject, views, place, found, attributes):
    """Frames of the first test sequence and view, below each the nearest of any other sequence.

    Args:
        subject: The `Subject`.
        views: Feature with the sequences, of several views or one.
        place: int `(all frames, 3)`: sequence, view and time of each frame.
        found: int `(all frames,)`: the nearest frame of another sequence.
        attributes: int `(all frames, attributes)`: equal ones are good.
    """
    first = np.flatnonzero((place[:, :2] == 0).all(axis=1))
    asked = first[np.unique(np.linspace(0, len(first) - 1, MOMENTS).round().astype(int))]
    shown = [place[asked], place[found[asked]]]
    numbers = np.unique(np.concatenate([one[:, 0] for one in shown]))
    clips = dict(zip(numbers, examples_at(subject.split("test"), numbers, (views,))[views]))

    def cell(row, mark):
        number, view, time = place[row]
        clip = clips[number] if clips[number].ndim == 4 else clips[number][view]
        words = " ".join(map(str, attributes[row]))
        return Cell(clip[time], f"{words}\nin {number}, view {view}, at {time}", mark)

    same = (attributes[asked] == attributes[found[asked]]).all(axis=1)
    below = [cell(row, GOOD if good else BAD) for row, good in zip(found[asked], same)]
    return Sheet(
        [[cell(row, QUERY) for row in asked], below],
        headings=["a sequence", "nearest elsewhere"],
        title=f"Frames that are alike ({subject.name})",
    )


def draw_matched_frames(subject, video, found, phases):
    """Frames of one test video, below each the nearest frame of some others.

    Args:
        subject: The `Subject`.
        video: Feature with the videos.
        found: `(a, b)` to int `(frames of a,)`: frames of test video b that are nearest to
            those of a. The first a is drawn.
        phases: int `(frames,)` of each test video: equal phases are good.
    """
    first = next(iter(found))[0]
    others = [b for a, b in found if a == first][:OTHERS]
    clips = examples_at(subject.split("test"), [first, *others], (video,))[video]
    frames = len(found[first, others[0]])
    moments = np.unique(np.linspace(0, frames - 1, min(frames, MOMENTS)).round().astype(int))
    rows = [
        [Cell(clips[0][t], f"{t}: phase {label_text(phases[first][t])}", QUERY) for t in moments]
    ]
    for clip, b in zip(clips[1:], others, strict=True):
        row = []
        for t in moments:
            nearest = int(found[first, b][t])
            same = phases[first][t] == phases[b][nearest]
            text = f"{nearest}: phase {label_text(phases[b][nearest])}"
            row.append(Cell(clip[nearest], text, GOOD if same else BAD))
        rows.append(row)
    return Sheet(
        rows,
        headings=[f"test video {first}", *(f"nearest in {b}" for b in others)],
        title=f"Nearest frames of other videos ({subject.name})",
    )
