"""Examples in TFRecord files."""

import functools
import glob
import gzip
import os
import re
import struct

import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, Order, StreamSplit, shuffled, shuffled_index
from sslkeras.datasets.image_decoding import decode_square
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Choice, Constraint, Integer, Optional, Text

# Files read side by side in a shuffled order, and how many records of each in turn.
_CYCLE, _BLOCK = 8, 16


class _RecordFeatures(Constraint):
    """What each record holds, as a dict of feature names to kinds."""

    description = (
        "a dict of feature names to 'image', 'string', or 'int32', 'int64', 'float32', 'uint8' "
        "with an optional shape such as 'float32[16, 3]'"
    )

    def accepts(self, value):
        return (
            isinstance(value, dict)
            and bool(value)
            and all(isinstance(name, str) and isinstance(kind, str) for name, kind in value.items())
            and all(_parse(kind) is not None for kind in value.values())
        )


class TFRecord(Dataset):
    """tf.train.Examples in `.tfrecord` files, also gzipped ones.

    Records are read as a stream: shuffled are the order of the files, which are read several
    side by side, and the records in a buffer, both as a function of (seed, epoch). Going on
    in the middle of an epoch reads the records before but decodes none of them.

    Kinds of features: "image" is an encoded image (uint8 `(size, size, channels)`, its short
    side resized and its middle kept); "int32", "int64" and "float32" are numbers, "uint8" raw
    bytes, "string" a string; `[2, 3]` behind a kind is its shape.

    The split: `test_path` where given, otherwise every `test_every`-th record of each file.

    Args:
        path: A file, a folder of `.tfrecord` files, or a pattern such as "data/*.tfrecord.gz".
        features: Feature name to kind. Defaults to {"image": "image", "label": "int64"}.
        size: Side of the images in pixels. Defaults to 64.
        channels: 1 or 3. Defaults to 3.
        test_path: The same as `path` for held-out records; None to split those of `path`.
        test_every: Every how many-th record is held out, >= 2. Defaults to 10.
        shuffle_buffer: How many undecoded records are held for shuffling.

    Raises:
        DataError: If no file is found; when a split is first used, if a file is cut off, the
            split has no record, or the first record does not hold what `features` says.
    """

    features = {
        "image": "uint8 image size x size x channels",
        "label": "int64, or what `features` says",
    }
    hyperparameters = {
        "path": Text("a path or pattern of .tfrecord files"),
        "features": _RecordFeatures(),
        "size": Integer(1, 4096, unit="pixels"),
        "channels": Choice(1, 3),
        "test_path": Optional(Text("a path or pattern of .tfrecord files"), "split `path`"),
        "test_every": Integer(2),
        "shuffle_buffer": Integer(1),
    }

    def __init__(
        self,
        path,
        *,
        features={"image": "image", "label": "int64"},  # noqa: B006 (never changed)
        size=64,
        channels=3,
        test_path=None,
        test_every=10,
        shuffle_buffer=10_000,
    ):
        super().__init__(
            path=os.fspath(path),
            features=features,
            size=size,
            channels=channels,
            test_path=None if test_path is None else os.fspath(test_path),
            test_every=test_every,
            shuffle_buffer=shuffle_buffer,
        )
        self._train_files = _find(self.path, "path")
        self._test_files = (
            self._train_files if self.test_path is None else _find(self.test_path, "test_path")
        )

    @functools.cached_property
    def train(self):
        every = self.test_every if self.test_path is None else None
        return self._make_split(self._train_files, every, held_out=False)

    @functools.cached_property
    def test(self):
        every = self.test_every if self.test_path is None else None
        return self._make_split(self._test_files, every, held_out=True)

    def _make_split(self, files, every, held_out):
        counts = [count_records(path) for path in files]
        if every is not None:
            counts = [n // every if held_out else n - n // every for n in counts]
        if not sum(counts):
            raise DataError(
                f"A split must have a record. Received: none {'held out ' if held_out else ''}of "
                f"{self.path!r}. Give other files{', or a smaller `test_every`' * bool(every)}."
            )
        self._check_first_record(files[next(i for i, n in enumerate(counts) if n)])

        def records(path):
            gzipped = tf.strings.regex_full_match(path, r".*\.gz")
            found = tf.data.TFRecordDataset(path, tf.where(gzipped, "GZIP", ""))
            if every is None:
                return found
            wanted = found.enumerate().filter(
                lambda number, _: tf.equal(tf.equal(number % every, every - 1), held_out)
            )
            return wanted.map(lambda _, record: record)

        def make(order: Order | None):
            paths = tf.constant(files)
            if order is None:
                return tf.data.Dataset.from_tensor_slices(paths).flat_map(records)
            places = shuffled_index(tf.range(len(files), dtype=tf.int64), len(files), order)
            found = tf.data.Dataset.from_tensor_slices(tf.gather(paths, places)).interleave(
                records, cycle_length=min(_CYCLE, len(files)), block_length=_BLOCK
            )
            return shuffled(found, self.shuffle_buffer, order)

        specs = {name: self._spec(name, kind) for name, kind in self.features.items()}
        return StreamSplit(make, specs, size=sum(counts), decode=self._decode)

    def _spec(self, name, kind):
        kind, shape = _parse(kind)
        if kind == "image":
            return tf.TensorSpec((self.size, self.size, self.channels), tf.uint8, name)
        return tf.TensorSpec(shape, tf.as_dtype(kind), name)

    def _decode(self, record):
        stored = {}
        for name, kind in self.features.items():
            kind, shape = _parse(kind)
            dtype = {"int32": tf.int64, "int64": tf.int64, "float32": tf.float32}.get(kind)
            stored[name] = tf.io.FixedLenFeature(shape if dtype else (), dtype or tf.string)
        example = tf.io.parse_single_example(record, stored)
        for name, kind in self.features.items():
            kind, shape = _parse(kind)
            if kind == "image":
                example[name] = decode_square(example[name], self.size, self.channels)
            elif kind == "uint8":
                example[name] = tf.reshape(tf.io.decode_raw(example[name], tf.uint8), shape)
            elif kind == "int32":
                example[name] = tf.cast(example[name], tf.int32)
        return example

    def _check_first_record(self, path):
        compression = "GZIP" if path.endswith(".gz") else ""
        with tf.init_scope(), tf.device("CPU:0"):
            try:
                for record in tf.data.TFRecordDataset(path, compression).take(1):
                    self._decode(record)
            except tf.errors.OpError as error:
                raise DataError(
                    f"Records must be tf.train.Examples that hold {self.features}. Received: "
                    f"{_contents(path, compression)} in {path!r} ({error.message}). Say in "
                    "`features` what the records hold."
                ) from error


def count_records(path) -> int:
    """How many records a TFRecord file holds, by their lengths alone.

    Raises:
        DataError: If the file ends within a record.
    """
    gzipped = path.endswith(".gz")
    count = 0
    try:
        with gzip.open(path, "rb") if gzipped else open(path, "rb") as file:
            size = None if gzipped else os.fstat(file.fileno()).st_size
            while header := file.read(12):
                # Length, its checksum (4 bytes), the record, its checksum (4 bytes).
                length = struct.unpack("<Q", header[:8])[0] + 4 if len(header) == 12 else 0
                if size is None:
                    whole = length and len(file.read(length)) == length
                else:
                    whole = length and file.tell() + length <= size
                    file.seek(length, os.SEEK_CUR)
                if not whole:
                    raise EOFError("the file ends within a record")
                count += 1
    except (OSError, EOFError, OverflowError, ValueError, MemoryError) as error:
        raise DataError(
            f"TFRecord files must be readable as a whole. Received: {path!r} ({error} after "
            f"{count} records). Write or copy it again."
        ) from error
    return count


def _find(path, argument):
    """The sorted files that `path` names."""
    path = os.path.expanduser(path)
    if os.path.isdir(path):
        found = glob.glob(os.path.join(glob.escape(path), "*.tfrecord*"))
    elif os.path.isfile(path):
        found = [path]
    else:
        found = glob.glob(path)
    if not found:
        raise DataError(
            f"`{argument}` must name TFRecord files. Received: {path!r}, where there is none. "
            "Check the path."
        )
    return sorted(found)


def _parse(kind):
    """`(kind, shape)` of a text such as "float32[16, 3]", or None if it is none."""
    match = re.fullmatch(
        r"(image|string)|(int32|int64|float32|uint8)(?:\[\s*(\d+(?:\s*,\s*\d+)*)\s*\])?", kind
    )
    if match is None:
        return None
    shape = tuple(int(side) for side in match[3].split(",")) if match[3] else ()
    return match[1] or match[2], shape


def _contents(path, compression):
    """The features of the file's first record with their types, for messages."""
    try:
        for record in tf.data.TFRecordDataset(path, compression).take(1):
            stored = tf.train.Example.FromString(record.numpy()).features.feature
            kinds = {name: feature.WhichOneof("kind") for name, feature in sorted(stored.items())}
            return str(kinds)
    except Exception:  # Whatever it is, it is no record that could be described.
        pass
    return "something else"
