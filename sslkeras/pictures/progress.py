"""Time to an event, frame by frame: the truth and what features tell."""

from sslkeras.pictures.canvas import PALETTE, new_figure

VIDEOS, EVENTS = 6, 4


def draw_progress(truth, predicted, title=""):
    """A panel a video, a colour an event.

    Args:
        truth: `(frames, events)` for each video. The first six videos and four events are drawn.
        predicted: The same, as predicted.
        title: Above the picture.
    """
    across = min(len(truth), 3)
    down = -(-min(len(truth), VIDEOS) // across)
    figure = new_figure(3.4 * across + 0.4, 2.6 * down + 0.9)
    figure.suptitle(title, fontsize=12)
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for number, axes in enumerate(panels):
        if number >= len(truth):
            axes.set_visible(False)
            continue
        axes.axhline(0, color="0.8", linewidth=1)
        for event in range(min(truth[number].shape[1], EVENTS)):
            colour = PALETTE[event]
            axes.plot(truth[number][:, event], color=colour, linestyle="--", linewidth=1)
            axes.plot(predicted[number][:, event], color=colour, label=f"end of phase {event}")
        axes.set_title(f"test video {number}", fontsize=10)
        axes.set_xlabel("frame")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=EVENTS, frameon=False)
    return figure
