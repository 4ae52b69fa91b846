"""Writes the pictures that probes ask for."""

import pathlib
import re
import zlib

from sslkeras.evaluation.probe import PRETRAINED

FOLDER = "pictures/probes"
_LONGEST = 60


def paint(subject, folder, result) -> list:
    """Draws what a probe has kept by `subject.picture`.

    Args:
        subject: The `Subject` that was judged.
        folder: Folder of the results.
        result: The `ProbeResult` that the pictures belong to.

    Returns:
        A dict each: "contender", "name", "file" (relative to `folder`) and "caption".
    """
    if not subject.drawings:
        return []
    from sslkeras.pictures import canvas
    from sslkeras.pictures.sheet import Sheet

    target = pathlib.Path(folder, FOLDER)
    target.mkdir(parents=True, exist_ok=True)
    ending = "" if subject.name == PRETRAINED else f"-{slug(subject.name)}"
    painted = []
    for name, (draw, caption) in subject.drawings.items():
        drawn = draw()
        file = f"{slug(result.protocol)}-{slug(name)}{ending}"
        if isinstance(drawn, Sheet):
            path = drawn.save(target, file)
        else:
            path = canvas.save(drawn, target, file)
        painted.append(
            {
                "contender": subject.name,
                "name": name,
                "file": f"{FOLDER}/{path.name}",
                "caption": caption,
            }
        )
    return painted


def slug(text) -> str:
    """Text as a part of a file name: `knn(k=20)` becomes `knn_k=20`."""
    plain = re.sub(r"[^\w.=-]+", "_", text).strip("_")
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST]}_{zlib.crc32(text.encode()):08x}"
