"""What a dataset is: raw examples as dicts of features, in a train and a test split.

A batch of a split is a function of (seed, epoch, position) alone, so that a resumed run
goes on with exactly the examples it would have had. Shuffling computes where each
position of an epoch lies (a keyed permutation of the counter) instead of filling a
buffer; going on at position n costs nothing, as nothing before it is read.
"""

import abc
import dataclasses
import functools
import hashlib
import os

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.hyperparameters import Configurable


@dataclasses.dataclass(frozen=True)
class Order:
    """An endless shuffled order: passes over the split, each in an order of its own.

    Attributes:
        seed: Integer seed of the run.
        epoch: Index of the epoch whose data is wanted, >= 0. Epochs share no order.
        steps: Global batches in an epoch, after which the next epoch's data begins; None:
            the epoch has no end.
    """

    seed: int
    epoch: int | tf.Tensor = 0
    steps: int | None = None


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of each global batch that one input pipeline reads.

    Attributes:
        index: Which pipeline, 0 <= index < count.
        count: How many pipelines share the global batch; it divides the batch size.
    """

    index: int = 0
    count: int = 1


WHOLE = Share()
# Of so many files of a folder the fingerprint reads so many bytes at each end.
_FILES_READ, _END_BYTES = 64, 4096


class Split(abc.ABC):
    """Raw examples in a fixed order.

    Attributes:
        size: Number of examples, or None where only a pass over the data could tell.
        features: `tf.TensorSpec` by feature name, of one example as it is stored. uint8
            features are pixels: `as_float` turns them into float32 in [0, 1].
        skipped: Names of the files that could not be read so far (empty for most).
    """

    size: int | None
    features: dict

    @property
    def skipped(self):
        return ()

    @abc.abstractmethod
    def batches(self, batch_size, *, order=None, start=0, share=WHOLE, only=None):
        """Batches of raw examples.

        Args:
            batch_size: Number of examples in a global batch.
            order: None: one pass in the stored order, a smaller last batch included.
                An `Order`: endless, shuffled, full batches.
            start: How many global batches of the epoch to leave out. Nothing of them is
                read or decoded where the storage allows it.
            share: Which part of each global batch is wanted (with `order` only).
            only: Names of the features to read; None for all.

        Returns:
            `tf.data.Dataset` of dicts of `(examples, ...)` tensors in their stored dtype.
        """

    def examples(self, *, order=None, only=None):
        """Raw examples one by one, for `Task.select`. See `batches`."""
        return self.batches(64, order=order, only=only).unbatch()

    def fingerprint(self, names) -> str:
        """A digest that tells whether the features `names` of any example have changed.

        Here it is made of all their values, in a pass of its own. A split that can tell by
        less, such as the times at which its files were changed, overrides it.

        Args:
            names: Names of features.
        """
        digests = {name: hashlib.blake2b() for name in sorted(names)}
        for batch in self.batches(256, only=tuple(digests)):
            for name, digest in digests.items():
                _add_values(digest, batch[name].numpy())
        return _joined(digests, self.features)


def part_size(batch_size, share) -> int:
    """Examples of each global batch in one `share`.

    Raises:
        DataError: If the pipelines cannot share the batch equally.
    """
    if batch_size % share.count:
        raise DataError(
            f"The batch size must be a multiple of the {share.count} input pipelines. "
            f"Received: {batch_size}. Change `batch_size`."
        )
    return batch_size // share.count


def order_seed(order) -> tf.Tensor:
    """int64 `(2,)`, a seed of its own for each epoch of an order (or for the stored one)."""
    if order is None:
        return tf.zeros([2], tf.int64)
    return tf.stack([tf.cast(order.seed % 2**31, tf.int64), tf.cast(order.epoch, tf.int64)])


def slice_of(batch, index, size):
    """The `index`-th slice of `size` examples of each tensor in `batch`."""
    return tf.nest.map_structure(lambda value: value[index * size : (index + 1) * size], batch)


def as_float(batch: dict) -> dict:
    """Turns uint8 features into float32 in [0, 1] and leaves the others as they are."""
    return {
        name: tf.cast(value, tf.float32) / 255.0 if value.dtype == tf.uint8 else value
        for name, value in batch.items()
    }


class IndexedSplit(Split):
    """A split whose i-th example can be read without those before it."""

    def batches(self, batch_size, *, order=None, start=0, share=WHOLE, only=None):
        if order is None:
            return self.read_in_order(batch_size, start=start, only=only)
        part = part_size(batch_size, share)
        first = tf.range(part, dtype=tf.int64) + share.index * part
        size = self.size

        def indices(step):
            epoch = tf.cast(order.epoch, tf.int64)
            if order.steps is not None:
                epoch, step = epoch + step // order.steps, step % order.steps
            position = step * batch_size + first
            return shuffled_index(position, size, Order(order.seed, epoch))

        steps = tf.data.Dataset.counter(tf.cast(start, tf.int64))
        return self.read(steps.map(indices), part, only=only)

    @abc.abstractmethod
    def read(self, indices, count, *, only=None):
        """Reads examples by index.

        Args:
            indices: `tf.data.Dataset` of int64 `(count,)` tensors.
            count: Examples in each batch.
            only: Names of the features to read; None for all.

        Returns:
            `tf.data.Dataset` of dicts of `(count, ...)` tensors.
        """

    def read_in_order(self, batch_size, *, start=0, only=None):
        """One pass in the stored order; the last batch may be smaller."""
        indices = tf.data.Dataset.range(start * batch_size, self.size).batch(batch_size)
        return self.read(indices, None, only=only)


def shuffled_index(position, size, order):
    """Where each position of an endless shuffled order lies in the split.

    Args:
        position: int64 `(examples,)`, counted from the start of the epoch; position
            `size` begins a second pass with an order of its own.
        size: Number of examples in the split.
        order: The `Order`.

    Returns:
        int64 `(examples,)`, each in [0, size).
    """
    index, which_pass = position % size, position // size
    # One key a pass; a pass is told from an epoch by the second word.
    epoch = tf.cast(order.epoch, tf.int64)
    count = tf.shape(position)[0]
    seed = tf.stack(
        [
            tf.fill([count], tf.cast(order.seed % 2**31, tf.uint32)),
            tf.fill([count], tf.cast(epoch, tf.uint32)),
            tf.cast(which_pass, tf.uint32) * 4 + 4,
        ],
        axis=-1,
    )
    # TensorFlow's usual 4 rounds leave 7 % of the orders of 10 examples unshuffled, and four
    # times too many neighbours side by side in those of 1000; 8 rounds are enough.
    return tf.raw_ops.RandomIndexShuffle(
        index=index, seed=seed, max_index=tf.fill([count], tf.cast(size - 1, tf.int64)), rounds=16
    )


class ArraySplit(IndexedSplit):
    """Examples held in memory as arrays; batches are gathered by vectorised ops.

    Args:
        arrays: NumPy array `(examples, ...)` by feature name, equally long.
    """

    def __init__(self, arrays: dict):
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise DataError(
                "All features of a split must have the same number of examples, at least one. "
                f"Received: {lengths}."
            )
        self._arrays = arrays
        self.size = next(iter(lengths.values()))
        self.features = {
            name: tf.TensorSpec(array.shape[1:], tf.as_dtype(array.dtype), name)
            for name, array in arrays.items()
        }

    @functools.cached_property
    def _tensors(self):
        # Made once and eagerly, although the first use may be while a function is traced.
        with tf.init_scope(), tf.device("CPU:0"):
            return {name: tf.constant(array) for name, array in self._arrays.items()}

    def fingerprint(self, names):
        digests = {name: hashlib.blake2b() for name in sorted(names)}
        for name, digest in digests.items():
            _add_values(digest, self._arrays[name])
        return _joined(digests, self.features)

    def read(self, indices, count, *, only=None):
        tensors = {n: t for n, t in self._tensors.items() if only is None or n in only}
        return indices.map(lambda index: {n: tf.gather(t, index) for n, t in tensors.items()})


def _add_values(digest, values):
    """Adds the values of an array to a digest, wherever it is cut along its first axis."""
    if values.dtype.kind in "OSU":
        for value in values.ravel().tolist():
            value = value.encode() if isinstance(value, str) else value
            digest.update(len(value).to_bytes(8, "big") + value)
    else:
        digest.update(np.ascontiguousarray(values))


def _joined(digests, features):
    """One digest of those of several features by name."""
    whole = hashlib.blake2b()
    for name, digest in digests.items():
        spec = features[name]
        whole.update(f"{name} {spec.dtype.name} {spec.shape} {digest.hexdigest()}\n".encode())
    return whole.hexdigest()


def files_fingerprint(files, *facts) -> str:
    """A digest of files by name, size and time of change, and of what is made of them.

    Where the folder lies makes no difference. As another folder may hold files of the same
    names, sizes and times, the bytes at both ends of some of them count as well.

    Args:
        files: Pairs of a file's name in its folder and its path, in order.
        *facts: What else decides on the examples; their `repr` counts.
    """
    files = list(files)
    digest = hashlib.blake2b(repr(facts).encode())
    step = -(-len(files) // _FILES_READ)
    for number, (name, path) in enumerate(files):
        try:
            status = os.stat(path)
            found = f"{status.st_size} {status.st_mtime_ns}".encode()
            if number % step == 0:
                found += _both_ends(path, status.st_size)
        except OSError as error:
            found = type(error).__name__.encode()
        digest.update(os.fsencode(name) + b"\0" + found + b"\n")
    return digest.hexdigest()


def _both_ends(path, size):
    with open(path, "rb") as file:
        first = file.read(_END_BYTES)
        file.seek(max(0, size - _END_BYTES))
        return first + file.read()


def over_epochs(order, start, make):
    """Joins the epochs of an order whose data is made epoch by epoch.

    Args:
        order: The `Order`, or None for one pass in the stored order.
        start: Global batches to leave out of the first epoch.
        make: `make(order, start)` gives the batches of one epoch.

    Returns:
        `tf.data.Dataset` of batches.
    """
    if order is None or order.steps is None:
        return make(order, start)

    def one(epoch):
        skipped = tf.where(epoch == order.epoch, tf.cast(start, tf.int64), 0)
        return make(Order(order.seed, epoch), skipped).take(order.steps - skipped)

    return tf.data.Dataset.counter(tf.cast(order.epoch, tf.int64)).flat_map(one)


class StreamSplit(Split):
    """Examples of a `tf.data.Dataset` that can only be read from its beginning.

    Args:
        make: `make(order) -> tf.data.Dataset` of undecoded examples: a finite pass in the
            stored order for None, one shuffled pass for an `Order`.
        decode: Turns one undecoded example into a dict of features, or None.
        features: `tf.TensorSpec` by feature name, of one decoded example.
        size: Number of examples, or None if unknown.
    """

    def __init__(self, make, features, *, size=None, decode=None):
        self._make, self._decode = make, decode
        self.features, self.size = dict(features), size

    def batches(self, batch_size, *, order=None, start=0, share=WHOLE, only=None):
        def one_epoch(order, start):
            return self._epoch(batch_size, order, start, share, only)

        return over_epochs(order, start, one_epoch)

    def _epoch(self, batch_size, order, start, share, only):
        if order is None:
            raw = self._make(None)
        else:
            passes = tf.data.Dataset.counter()
            raw = passes.flat_map(
                # Prime stride: pass p of epoch e is no pass of another epoch in practice.
                lambda p: self._make(Order(order.seed, tf.cast(order.epoch, tf.int64) + p * 7919))
            )
        raw = raw.skip(tf.cast(start, tf.int64) * batch_size)
        part = batch_size
        if order is not None and share.count > 1:
            part = part_size(batch_size, share)
            # By position: undecoded examples of different sizes could not be batched.
            raw = raw.enumerate().filter(lambda n, _: n % batch_size // part == share.index)
            raw = raw.map(lambda _, example: example)

        def decode(example):
            example = self._decode(example) if self._decode else example
            return {n: v for n, v in example.items() if only is None or n in only}

        examples = raw.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        return examples.batch(part, drop_remainder=order is not None)


class Dataset(Configurable, abc.ABC):
    """Raw examples with a train and a test split; made by name through the registry.

    Subclasses say in the class attribute `features` what they offer, as a literal that
    `sslkeras list` can read without importing them: feature name to a short text.

    Attributes:
        label_names: Names of the classes by label, or None without labels.
        vocabulary: Tokens by id, or None for anything but text.
        token_counts: int64 `(vocabulary,)`, how often each token occurs in the train split, or
            None where that is not known.
        tokenizer: The `sslkeras.text.Tokenizer` that made the tokens, or None.
        has_test: Whether there are held-out examples.
    """

    features: dict = {}
    label_names: tuple | None = None
    vocabulary: tuple | None = None
    token_counts: object = None
    tokenizer: object = None
    has_test: bool = True

    @property
    @abc.abstractmethod
    def train(self) -> Split:
        """The examples to train on."""

    @property
    @abc.abstractmethod
    def test(self) -> Split:
        """The held-out examples."""


class Given(Dataset):
    """A dataset made of splits or `tf.data.Dataset`s that user code already has.

    Args:
        train: A `Split`, or a finite `tf.data.Dataset` of dicts of features, not batched.
        test: The same for held-out examples; None if there are none.
        label_names: Names of the classes by label, or None.
        shuffle_buffer: How many examples of a `tf.data.Dataset` are held for shuffling.
    """

    def __init__(self, train, test=None, *, label_names=None, shuffle_buffer=10_000):
        super().__init__()
        self.label_names = label_names
        self._train = _as_split(train, shuffle_buffer)
        self._test = None if test is None else _as_split(test, shuffle_buffer)
        self.has_test = test is not None

    @property
    def train(self):
        return self._train

    @property
    def test(self):
        if self._test is None:
            raise DataError(
                "Held-out examples are needed here, and this dataset has none. Received: a "
                "training split only. Make it with sslkeras.datasets.Given(train, test)."
            )
        return self._test


def as_dataset(given) -> Dataset:
    """`given` as a `Dataset`: itself, a name, a `Split` or a `tf.data.Dataset` of dicts."""
    from sslkeras import registry

    if isinstance(given, Dataset):
        return given
    if isinstance(given, str):
        return registry.datasets.create(given)
    if isinstance(given, (Split, tf.data.Dataset)):
        return Given(given)
    raise DataError(
        "A dataset must be a name, an sslkeras.datasets.Dataset, or a tf.data.Dataset of dicts "
        f"of features. Received: {type(given).__name__}."
    )


def _as_split(given, shuffle_buffer):
    if isinstance(given, Split):
        return given
    if not isinstance(given, tf.data.Dataset) or not isinstance(given.element_spec, dict):
        raise DataError(
            "A split must be a tf.data.Dataset whose elements are dicts of features. Received: "
            f"{getattr(given, 'element_spec', type(given).__name__)}. Map it to dicts first."
        )
    size = int(given.cardinality())
    if size == tf.data.INFINITE_CARDINALITY:
        raise DataError(
            "A split must be finite, as an epoch is one pass over it. Received: an endless "
            "tf.data.Dataset. Leave out repeat(), or bound it with take()."
        )
    if size == 0:
        raise DataError("A split must have an example. Received: an empty tf.data.Dataset.")

    def make(order):
        return given if order is None else shuffled(given, shuffle_buffer, order)

    return StreamSplit(make, given.element_spec, size=None if size < 0 else size)


def shuffled(examples, buffer_size, order) -> tf.data.Dataset:
    """`examples` drawn at random from a buffer, as a function of (seed, epoch) alone.

    Args:
        examples: `tf.data.Dataset` of anything.
        buffer_size: How many of them are held.
        order: The `Order`; its epoch may be a tensor.
    """
    # Not Dataset.shuffle(): that mixes in the global seed and would change with it.
    seeds = tf.random.stateless_uniform(
        [2],
        tf.stack([tf.cast(order.seed % 2**31, tf.int64), tf.cast(order.epoch, tf.int64)]),
        minval=1,
        maxval=2**62,
        dtype=tf.int64,
    )
    specs = tf.nest.flatten(examples.element_spec)
    types = [spec.dtype if isinstance(spec, tf.TensorSpec) else tf.variant for spec in specs]
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(examples),
        buffer_size=tf.cast(buffer_size, tf.int64),
        seed=seeds[0],
        seed2=seeds[1],
        output_types=types,
        output_shapes=[tf.TensorShape(None)] * len(types),
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, examples.element_spec)
