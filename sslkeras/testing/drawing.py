"""What was withheld and what was answered can be looked at."""

import pathlib
import tempfile

from sslkeras.pictures.show import show
from sslkeras.task import Task
from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.training.run import Run

_EXAMPLES = 2


def check_pictures_render(subject):
    """`task.draw` makes columns that `sslkeras show` can print."""
    task = subject.task
    if type(task).draw is Task.draw:
        raise NotApplicableError("The task does not override `draw`.")
    if not subject.data.has_test:
        raise NotApplicableError("The dataset has no held-out examples.")
    run = Run(
        config={"settings": {"seed": 0, "batch_size": subject.batch_size}},
        task=task,
        data=subject.data,
        encoder=subject.encoder,
        model=subject.trained_copy(),
        history=[],
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            written = show(run, pictures="withheld", examples=_EXAMPLES, output=folder)
        except Exception as error:
            require(
                False,
                "`draw` must give titles with images, clips or texts, one an example.",
                f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
                "Images are float (examples, height, width, channels) in [0, 1], clips have time "
                "as second axis, texts are lists of strings.",
            )
        empty = [path for path in written if not pathlib.Path(path).stat().st_size]
        require(
            written and not empty,
            "`draw` must give at least one column for what the model answers.",
            "an empty picture" if empty else "no picture",
            "Return a dict of title to column, or do not override `draw`.",
        )
