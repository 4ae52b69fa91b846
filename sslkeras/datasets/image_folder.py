"""Image files below a folder."""

import functools
import os
import threading

import numpy as np
import tensorflow as tf
from absl import logging

from sslkeras.datasets.dataset import IndexedSplit, files_fingerprint
from sslkeras.datasets.file_listing import list_files
from sslkeras.datasets.folder import Folder
from sslkeras.datasets.image_decoding import EXTENSIONS, decode_square
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Choice, Integer, Real, Text

_TEST_FOLDERS = (b"test", b"val", b"validation", b"valid")
# Files decoded in one call: enough to outweigh the call, few enough to start quickly.
_CHUNK = 32


class ImageFolder(Folder):
    """JPEG, PNG, GIF and BMP files below a folder, with or without a sub-folder a class.

    Images are decoded when they are read: the short side is resized to `size` and the middle
    kept. `image` is uint8 `(size, size, channels)`. Where every image of a split lies in a
    sub-folder, the sub-folders directly below the split are the classes, in the order of
    their names, and `label` is the int32 class.

    The split: where `path` has the sub-folder `train` and one called `test`, `val`,
    `validation` or `valid`, these. Otherwise a seeded random `test_fraction` of all images.

    A file that cannot be read is skipped, counted and named: it is in `split.skipped` and
    in one warning. In a shuffled order the next readable file takes its place, so that the
    order stays a function of (seed, epoch, position); a pass in the stored order leaves it
    out. The file names are found once and remembered in the user's cache folder until a
    folder changes.

    Args:
        path: The folder.
        size: Side of the images in pixels. Defaults to 64.
        channels: 1 or 3; images of other numbers of channels are converted. Defaults to 3.
        test_fraction: Share of the images to hold out, in [0, 1), where the folder has no
            test part. Defaults to 0.1.
        seed: Integer that chooses which images are held out.

    Raises:
        DataError: If `path` is no folder or holds no image; and, when `features` or `train`
            are first used, if none of the images can be read.
    """

    kind = "images"
    features = {
        "image": "uint8 image size x size x channels",
        "label": "int32 class, with a sub-folder a class",
    }
    hyperparameters = {
        "path": Text("the path of a folder"),
        "size": Integer(1, 4096, unit="pixels"),
        "channels": Choice(1, 3),
        "test_fraction": Real(0, 1, closed="left"),
        "seed": Integer(0),
    }

    def __init__(self, path, *, size=64, channels=3, test_fraction=0.1, seed=0):
        super().__init__(
            path=os.fspath(path),
            size=size,
            channels=channels,
            test_fraction=test_fraction,
            seed=seed,
        )
        self._listing = list_files(self.path, EXTENSIONS)
        if not len(self._listing):
            raise DataError(
                f"The folder must hold images ({', '.join(EXTENSIONS)}). Received: {self.path!r} "
                "without any. Check the path."
            )
        train, test, self.label_names = self._split()
        self.hold(train, test)

    def _split(self):
        parts = [folder.split(b"/") if folder else [] for folder in self._listing.folders]
        occupied = np.bincount(self._listing.folder_of, minlength=len(parts)) > 0
        tops = {
            part[0] for part, has_files in zip(parts, occupied, strict=True) if part and has_files
        }
        held_out = next((name for name in _TEST_FOLDERS if name in tops), None)
        if b"train" in tops and held_out is not None:
            train_folders = [part[:1] == [b"train"] for part in parts]
            test_folders = [part[:1] == [held_out] for part in parts]
            rows = [
                np.flatnonzero(np.array(inside)[self._listing.folder_of])
                for inside in (train_folders, test_folders)
            ]
            class_parts = [part[1:] for part in parts]
        else:
            rows = self._random_split()
            class_parts = parts
        # Test images of classes that training does not have carry no label.
        classes = self._classes(rows[0], class_parts)
        splits = []
        for part in rows:
            own = self._classes(part, class_parts) if classes else None
            known = bool(own) and set(own) <= set(classes)
            splits.append(self._make_split(part, class_parts, classes if known else None))
        names = tuple(os.fsdecode(name) for name in classes) if classes else None
        return splits[0], splits[1], names

    def _random_split(self):
        count = len(self._listing)
        held_out = round(count * self.test_fraction)
        if self.test_fraction and count > 1:
            held_out = min(max(held_out, 1), count - 1)
        order = np.random.default_rng(self.seed).permutation(count)
        return np.sort(order[held_out:]), np.sort(order[:held_out])

    def _classes(self, rows, class_parts):
        """The sorted names of the classes of `rows`, or None if one lies in no class folder."""
        used = np.unique(self._listing.folder_of[rows])
        parts = [class_parts[folder] for folder in used]
        return sorted({part[0] for part in parts}) if parts and all(parts) else None

    def _make_split(self, rows, class_parts, classes):
        if not len(rows):
            return None
        class_of_folder = None
        if classes:
            numbers = {name: number for number, name in enumerate(classes)}
            class_of_folder = np.array(
                [numbers.get(part[0], -1) if part else -1 for part in class_parts], np.int32
            )
        return _Files(self._listing, rows, class_of_folder, self.size, self.channels)


class _Files(IndexedSplit):
    """Image files that are decoded when they are read.

    Args:
        listing: The `FileListing`.
        rows: int64 `(files,)`: which files of the listing.
        class_of_folder: int32 class of each folder of the listing, or None without labels.
        side: Side of the images in pixels.
        channels: 1 or 3.
    """

    def __init__(self, listing, rows, class_of_folder, side, channels):
        self._listing, self._side, self._channels = listing, side, channels
        self._rows, self._classes = rows, class_of_folder
        self.size = len(rows)
        self._skipped, self._lock = set(), threading.Lock()

    @property
    def skipped(self):
        with self._lock:
            rows = sorted(self._skipped)
        return tuple(self._listing.name(self._rows[index]) for index in rows)

    @functools.cached_property
    def features(self):
        self._require_a_readable_file()
        side = self._side
        features = {"image": tf.TensorSpec((side, side, self._channels), tf.uint8, "image")}
        if self._classes is not None:
            features["label"] = tf.TensorSpec((), tf.int32, "label")
        return features

    def _require_a_readable_file(self):
        with tf.init_scope(), tf.device("CPU:0"):
            for index in range(self.size):
                try:
                    self._decode(self._paths(tf.constant(index, tf.int64)))
                except tf.errors.InvalidArgumentError:
                    self._report(np.array([index]))
                except tf.errors.OpError as error:
                    raise DataError(
                        "The images must be readable files. Received: "
                        f"{self._listing.name(self._rows[index])!r} ({error}). Check permissions."
                    ) from error
                else:
                    return
        raise DataError(
            f"At least one image of the folder must be readable. Received: {self.size} files in "
            f"{self._listing.root!r}, none of which is, such as {self.skipped[0]!r}. Check that "
            "they are whole JPEG, PNG, GIF or BMP files."
        )

    def fingerprint(self, names):
        listing, rows = self._listing, self._rows
        classes = None if self._classes is None else self._classes[listing.folder_of[rows]].tolist()
        names_of = map(listing.name, rows)
        files = ((name, os.path.join(listing.root, name)) for name in names_of)
        return files_fingerprint(files, sorted(names), self._side, self._channels, classes)

    def read(self, indices, count, *, only=None):
        images = indices.rebatch(_CHUNK).map(self._read_all, num_parallel_calls=tf.data.AUTOTUNE)
        return self._finish(images.rebatch(count, drop_remainder=True), count, only)

    def read_in_order(self, batch_size, *, start=0, only=None):
        indices = tf.data.Dataset.range(self.size).batch(_CHUNK)
        images = indices.map(self._read_readable, num_parallel_calls=tf.data.AUTOTUNE)
        # Which files are readable decides where a batch begins, so all before it are read.
        batches = images.unbatch().batch(batch_size).skip(start)
        return self._finish(batches, None, only)

    def _finish(self, batches, count, only):
        """Batches of (index, image) as the wanted features."""
        features = self.features
        with tf.init_scope(), tf.device("CPU:0"):
            rows = tf.constant(self._rows)
            folder_of = tf.constant(self._listing.folder_of)
            classes = None if self._classes is None else tf.constant(self._classes)

        def finish(index, image):
            batch = {"image": tf.ensure_shape(image, (count, *features["image"].shape))}
            if classes is not None:
                label = tf.gather(classes, tf.gather(folder_of, tf.gather(rows, index)))
                batch["label"] = tf.ensure_shape(label, (count,))
            return {name: value for name, value in batch.items() if only is None or name in only}

        return batches.map(finish)

    def _decode(self, path):
        """uint8 `(side, side, channels)` of the file `path`, a scalar string."""
        return decode_square(tf.io.read_file(path), self._side, self._channels)

    def _paths(self, indices):
        """The paths of the examples `indices`, int64 of any shape."""
        return self._listing.path(tf.gather(self._row_numbers, indices))

    @functools.cached_property
    def _row_numbers(self):
        with tf.init_scope(), tf.device("CPU:0"):
            return tf.constant(self._rows, tf.int64)

    def _readable(self, indices):
        """`tf.data.Dataset` of `(index, image)` of the files that can be decoded."""
        images = tf.data.Dataset.from_tensor_slices((indices, self._paths(indices)))
        return images.map(lambda index, path: (index, self._decode(path))).ignore_errors()

    @tf.autograph.experimental.do_not_convert
    def _read_readable(self, indices):
        """Reads those of `indices` that can be read, and reports the others."""
        nothing = (
            tf.constant(-1, tf.int64),
            tf.zeros((self._side, self._side, self._channels), tf.uint8),
        )
        # An empty batch would not come out at all, so one more is added and cut off.
        images = self._readable(indices).concatenate(tf.data.Dataset.from_tensors(nothing))
        count = tf.shape(indices, tf.int64)[0]
        index, image = images.batch(count + 1).get_single_element()
        index, image = index[:-1], image[:-1]

        def report():
            unread = tf.sets.difference(indices[tf.newaxis], index[tf.newaxis]).values
            # A file that cannot even be opened is a fault of the disk: this raises for it.
            sizes = tf.map_fn(
                lambda path: tf.strings.length(tf.io.read_file(path)),
                self._paths(unread),
                fn_output_signature=tf.int32,
            )
            with tf.control_dependencies([sizes]):
                return tf.numpy_function(self._report, [unread], tf.int64)

        complete = tf.equal(tf.size(index, tf.int64), count)
        with tf.control_dependencies([tf.cond(complete, lambda: tf.zeros([], tf.int64), report)]):
            return tf.identity(index), tf.identity(image)

    @tf.autograph.experimental.do_not_convert
    def _read_all(self, indices):
        """Reads `indices`, the next readable file in the place of each that cannot be read."""
        index, image = self._read_readable(indices)
        count = tf.size(indices)

        def fill():
            def next_readable(first):
                following = tf.data.Dataset.range(first, first + self.size)
                following = following.map(lambda number: number % self.size)
                found = following.map(lambda index: (index, self._decode(self._paths(index))))
                return found.ignore_errors().take(1)

            filled = tf.data.Dataset.from_tensor_slices(indices).flat_map(next_readable)
            return filled.batch(tf.cast(count, tf.int64)).get_single_element()

        return tf.cond(tf.equal(tf.size(index), count), lambda: (index, image), fill)

    def _report(self, indices):
        """Remembers and names files that could not be read; called from the pipeline."""
        with self._lock:
            new = [int(index) for index in indices if int(index) not in self._skipped]
            self._skipped.update(new)
            count = len(self._skipped)
        for index in new:
            name = self._listing.name(self._rows[index])
            logging.warning("Skipped a file that is no readable image (%d so far): %s", count, name)
        return np.int64(count)
