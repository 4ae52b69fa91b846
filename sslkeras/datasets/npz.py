"""Arrays in one NumPy `.npz` file."""

import functools
import pathlib

import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Dataset
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real, Text
from sslkeras.notation import suggest


class Npz(Dataset):
    """The arrays of a NumPy `.npz` file: images, labels and whatever else it holds.

    The file is read into memory as a whole, without pickle. Images are `(examples, height,
    width)` or `(examples, height, width, channels)`, uint8 or floats in [0, 1] (given as
    float32). Every other array of as many examples becomes a feature under its own name.

    The split: where the file holds `<image>_train` and `<image>_test` (as Keras's
    `mnist.npz` holds `x_train`, `y_train`, `x_test`, `y_test`), these. Where it holds
    `<image>` and `<image>_test`, these. Otherwise the last `test_fraction` of the rows are
    the test split, after one seeded shuffle of all rows if `shuffle` is True. Stored
    order is the default; choose `shuffle=True` where the rows are sorted by class.

    An array called `classes` names the labels.

    Args:
        path: The `.npz` file.
        image: Key of the images; becomes the feature "image". Defaults to "x".
        label: Key of the labels, integers; becomes the feature "label". None, or a key that
            is not in the file if it is the default "y": no labels.
        test_fraction: Share of the rows to hold out, in (0, 1), where the file has no
            test part. Defaults to 0.1.
        shuffle: Whether rows are shuffled before they are split. Defaults to False.
        seed: Integer that chooses the shuffle.
        channels: 3 repeats a gray image in three channels, for tasks that read colour; None
            (the default): as stored.

    Raises:
        DataError: If the file is missing or no `.npz` file, an array is missing, holds
            Python objects, differs in length, or has a shape or range no image has.
    """

    features = {"image": "image as stored", "label": "int32 class, where the file has them"}
    hyperparameters = {
        "path": Text("the path of an .npz file"),
        "image": Text(),
        "label": Optional(Text(), "no labels"),
        "test_fraction": Real(0, 1, closed="neither"),
        "shuffle": Boolean(),
        "seed": Integer(0),
        "channels": Optional(Choice(3), "as stored"),
    }

    def __init__(
        self,
        path,
        *,
        image="x",
        label="y",
        test_fraction=0.1,
        shuffle=False,
        seed=0,
        channels=None,
    ):
        super().__init__(
            path=str(path),
            image=image,
            label=label,
            test_fraction=test_fraction,
            shuffle=shuffle,
            seed=seed,
            channels=channels,
        )
        arrays = _load(self.path)
        classes = arrays.pop("classes", None)
        if classes is not None:
            self.label_names = tuple(_text(name) for name in classes.reshape(-1))
        self._splits = self._split(arrays)

    @functools.cached_property
    def train(self):
        return ArraySplit(self._splits[0])

    @functools.cached_property
    def test(self):
        return ArraySplit(self._splits[1])

    def _split(self, arrays):
        """The features of the training and of the test examples."""
        test = {
            key.removesuffix("_test"): arrays.pop(key) for key in list(arrays) if _is(key, "_test")
        }
        train = {key.removesuffix("_train"): array for key, array in arrays.items()}
        if self.image in test:
            return self._named(train), self._named(test)
        train.update({f"{key}_test": array for key, array in test.items()})
        named = self._named(train)
        count = len(named["image"])
        held_out = min(max(round(count * self.test_fraction), 1), count - 1)
        if held_out < 1:
            raise DataError(
                "A file without test examples must have at least two rows to split. Received: "
                f"{count} in {self.path}. Add rows or `{self.image}_test`."
            )
        rows = np.arange(count)
        if self.shuffle:
            rows = np.random.default_rng(self.seed).permutation(count)
            named = {name: array[rows] for name, array in named.items()}
        return (
            {name: array[: count - held_out] for name, array in named.items()},
            {name: array[count - held_out :] for name, array in named.items()},
        )

    def _named(self, arrays):
        """`arrays` under the names of features, checked."""
        keys = sorted(arrays)
        wanted = [self.image]
        if self.label is not None and (self.label in arrays or self.label != "y"):
            wanted.append(self.label)
        for key in wanted:
            if key not in arrays:
                raise DataError(
                    f"The file must hold the array '{key}'.{suggest(key, keys)} Received: "
                    f"{', '.join(keys) or 'no arrays'} in {self.path}. Name the arrays by "
                    "`image` and `label`."
                )
        images = _as_image(arrays[self.image], self.image, self.path)
        if self.channels == 3 and images.shape[-1] == 1:
            images = np.repeat(images, 3, axis=-1)
        named = {"image": images}
        if self.label in wanted:
            named["label"] = _as_label(arrays[self.label], self.label, self.path)
        for key in keys:
            # A scalar or a name cannot be an example's feature.
            if key not in wanted and arrays[key].ndim and arrays[key].dtype.kind in "biuf":
                named[key] = arrays[key]
        lengths = {name: len(array) for name, array in named.items()}
        if len(set(lengths.values())) > 1 or 0 in lengths.values():
            raise DataError(
                "All arrays of the file must have the same number of rows, at least one. "
                f"Received: {lengths} in {self.path}. Leave the others out of the file."
            )
        return named


def _is(key, suffix):
    return key.endswith(suffix) and key != suffix


def _load(path):
    """All arrays of the file by key."""
    if not pathlib.Path(path).is_file():
        raise DataError(
            f"`path` must be an .npz file. Received: {path!r}, where there is no file. Write one "
            "with numpy.savez_compressed(path, x=images, y=labels)."
        )
    arrays, key = {}, None
    try:
        with np.load(path, allow_pickle=False) as file:
            for key in file.files:
                arrays[key] = file[key]
    except Exception as error:  # Of a damaged or hostile file zipfile raises half a dozen kinds.
        if "allow_pickle" in str(error) and key is not None:
            raise DataError(
                f"Arrays must hold numbers, as unpickling could run any code. Received: Python "
                f"objects in '{key}' of {path}. Save it as a numeric array of one shape."
            ) from error
        raise DataError(
            f"`path` must be an .npz file that NumPy can read. Received: {path!r} ({error}). "
            "Write it with numpy.savez_compressed."
        ) from error
    return arrays


def _as_image(array, key, path):
    if array.ndim not in (3, 4):
        raise DataError(
            "Images must be (examples, height, width) or (examples, height, width, channels). "
            f"Received: the shape {array.shape} of '{key}' in {path}. Reshape them."
        )
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise DataError(
            f"Images must be uint8 or floats in [0, 1]. Received: {array.dtype} in '{key}' of "
            f"{path}. Convert them to uint8."
        )
    low, high = (array.min(), array.max()) if array.size else (0, 1)
    if not (low >= 0 and high <= 1):  # NaN fails as well
        raise DataError(
            f"Images of floats must lie in [0, 1]. Received: values from {low:g} to {high:g} in "
            f"'{key}' of {path}. Divide by 255, or store them as uint8."
        )
    return array.astype(np.float32)


def _as_label(array, key, path):
    if array.ndim == 2 and array.shape[1] == 1:  # as Keras keeps those of CIFAR
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(
            f"Labels must be one integer an example. Received: {array.dtype} of shape "
            f"{array.shape} in '{key}' of {path}. Give another `label`, or None."
        )
    return array.astype(np.int32)


def _text(name):
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
