"""Which files below a folder are held out, and of which class they are."""

import dataclasses
import os

import numpy as np

from sslkeras.errors import DataError

TEST_FOLDERS = ("test", "val", "validation", "valid")


@dataclasses.dataclass(frozen=True)
class FolderParts:
    """Split and class of each file.

    Attributes:
        tested: True for a held-out file, False for one to train on, None for one in neither.
        labels: Class of each file; -1 without classes, and for files of classes not kept.
        label_names: The classes, or None.
    """

    tested: tuple
    labels: tuple
    label_names: tuple | None


def divide(names, *, classes=None, test_fraction=0.0, seed=0) -> FolderParts:
    """Divides files by their folders.

    The sub-folders `train` and one called `test`, `val`, `validation` or `valid` are the
    splits; without them a seeded random share is held out. Where every file of the splits
    lies in a sub-folder, the sub-folders are the classes.

    Args:
        names: Paths relative to the folder.
        classes: Names of the classes to keep, in their order, or None for all, sorted.
        test_fraction: Share of the files to hold out where the folders do not say.
        seed: Integer that chooses which.

    Raises:
        DataError: If one of `classes` is not there.
    """
    folders = [os.path.dirname(name).split("/") for name in names]
    folders = [[] if parts == [""] else parts for parts in folders]
    tops = {parts[0] for parts in folders if parts}
    held_out = next((name for name in TEST_FOLDERS if name in tops), None)
    if "train" in tops and held_out is not None:
        tested = [
            None if not parts else {"train": False, held_out: True}.get(parts[0])
            for parts in folders
        ]
        folders = [parts[1:] for parts in folders]
    else:
        tested = held_out_at_random(len(names), test_fraction, seed)
    used = [parts for parts, test in zip(folders, tested, strict=True) if test is not None]
    if not all(used):
        return FolderParts(tuple(tested), (-1,) * len(names), None)
    label_names = kept_classes(sorted({parts[0] for parts in used}), classes)
    labels = []
    for number, parts in enumerate(folders):
        known = tested[number] is not None and parts[0] in label_names
        labels.append(label_names.index(parts[0]) if known else -1)
        if not known:
            tested[number] = None
    return FolderParts(tuple(tested), tuple(labels), tuple(label_names))


def kept_classes(names, classes) -> list:
    """`classes`, which must be among `names`; all of them for None.

    Raises:
        DataError: If one is not there.
    """
    if classes is None:
        return list(names)
    unknown = [name for name in classes if name not in names]
    if unknown:
        raise DataError(
            f"`classes` must be among the labels, {', '.join(names)}. Received: "
            f"{', '.join(unknown)}. Leave them out."
        )
    return list(classes)


def held_out_at_random(count, test_fraction, seed) -> list:
    """Whether each of `count` files is held out: at least one, and not all, unless 0 are."""
    held_out = round(count * test_fraction)
    if test_fraction and count > 1:
        held_out = min(max(held_out, 1), count - 1)
    order = np.random.default_rng(seed).permutation(count)
    return np.isin(np.arange(count), order[:held_out]).tolist()
