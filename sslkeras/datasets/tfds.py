"""The catalogue of TensorFlow Datasets."""

import functools
import re

import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, StreamSplit, shuffled
from sslkeras.datasets.image_decoding import decode_square
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Choice, Integer, Optional, Text
from sslkeras.notation import suggest


class TFDS(Dataset):
    """Any image dataset of TensorFlow Datasets; needs `pip install sslkeras[tfds]`.

    Images are kept encoded until they are read (short side resized, middle kept). Offered
    are the features that are images (uint8 `(size, size, channels)`), classes (int32) or
    numbers of a fixed shape. The data is downloaded and prepared when a split is first used.

    Args:
        name: Name in the catalogue, such as "oxford_iiit_pet" or "mnist:3.0.1".
        size: Side of the images in pixels. None: as stored, where all are of one square size.
        channels: 1 or 3. None: as stored.
        train_split: Its split to train on, such as "train" or "train[:80%]".
        test_split: Its held-out split. None: "test", else "validation".
        data_dir: Where the prepared data lies; None for the package's own place.
        shuffle_buffer: How many encoded examples are held for shuffling.

    Raises:
        DataError: If the package is not installed, the dataset is unknown, cannot be
            downloaded or has no such split, or the images need a `size`.
    """

    features = {
        "image": "uint8 image size x size x channels, where it has images",
        "label": "int32 class, where it has classes",
    }
    hyperparameters = {
        "name": Text("a name in the catalogue of TensorFlow Datasets"),
        "size": Optional(Integer(1, 4096, unit="pixels"), "as stored"),
        "channels": Optional(Choice(1, 3), "as stored"),
        "train_split": Text(),
        "test_split": Optional(Text(), "'test', else 'validation'"),
        "data_dir": Optional(Text("a path"), "the package's own place"),
        "shuffle_buffer": Integer(1),
    }

    def __init__(
        self,
        name,
        *,
        size=None,
        channels=None,
        train_split="train",
        test_split=None,
        data_dir=None,
        shuffle_buffer=10_000,
    ):
        super().__init__(
            name=name,
            size=size,
            channels=channels,
            train_split=train_split,
            test_split=test_split,
            data_dir=data_dir,
            shuffle_buffer=shuffle_buffer,
        )
        if re.match(r"[^/]*:[A-Za-z_]", name):
            raise DataError(
                "`name` must be in the catalogue of TensorFlow Datasets itself: for a community's "
                f"namespace the package downloads code and runs it. Received: {name!r}. Prepare "
                "such a dataset yourself and read it with 'image_folder', 'tfrecord' or 'npz'."
            )
        self._package = _import_package()
        try:
            self._builder = self._package.builder(name, data_dir=data_dir)
        except Exception as error:  # The package raises several kinds, some of its own.
            raise DataError(
                f"`name` must be in the catalogue of TensorFlow Datasets. Received: {name!r} "
                f"({type(error).__name__}: {error}). See https://www.tensorflow.org/datasets."
            ) from error
        label = self._builder.info.features.get("label")
        if isinstance(label, self._package.features.ClassLabel):
            self.label_names = tuple(label.names)

    @functools.cached_property
    def train(self):
        return self._make_split(self.train_split)

    @functools.cached_property
    def test(self):
        name = self.test_split
        if name is None:
            splits = self._prepared().info.splits
            name = next((known for known in ("test", "validation") if known in splits), None)
            if name is None:
                raise DataError(
                    f"Held-out examples are needed here. Received: '{self.name}' with the splits "
                    f"{', '.join(splits)}. Give parts such as train_split='train[:90%]', "
                    "test_split='train[90%:]'."
                )
        return self._make_split(name)

    def _prepared(self):
        try:
            self._builder.download_and_prepare()
        except Exception as error:
            raise DataError(
                f"The dataset '{self.name}' must be prepared or downloadable. Received: "
                f"{type(error).__name__}: {error}. Connect to the network, or give the "
                "`data_dir` where it has been prepared."
            ) from error
        return self._builder

    def _make_split(self, name):
        builder = self._prepared()
        try:
            size = builder.info.splits[name].num_examples
        except (KeyError, ValueError) as error:
            splits = list(builder.info.splits)
            raise DataError(
                f"The split must be one of '{self.name}'.{suggest(name, splits)} Received: "
                f"{name!r}. There are: {', '.join(splits)}, and parts such as 'train[:10%]'."
            ) from error
        specs = self._specs()
        kinds = self._package.features
        stored = builder.info.features
        images = [key for key in specs if isinstance(stored[key], kinds.Image)]
        decoders = {key: self._package.decode.SkipDecoding() for key in images}
        examples = builder.as_dataset(split=name, decoders=decoders, shuffle_files=False)
        # The others, such as texts and boxes, may have a different shape in each example.
        examples = examples.map(lambda example: {key: example[key] for key in specs})

        def make(order):
            return examples if order is None else shuffled(examples, self.shuffle_buffer, order)

        def decode(example):
            decoded = {}
            for key, spec in specs.items():
                value = example[key]
                if key in images:
                    value = decode_square(value, spec.shape[0], spec.shape[2])
                decoded[key] = tf.cast(value, spec.dtype)
            return decoded

        return StreamSplit(make, specs, size=size, decode=decode)

    def _specs(self):
        kinds = self._package.features
        specs = {}
        for key, feature in self._builder.info.features.items():
            if isinstance(feature, kinds.Image):
                specs[key] = self._image_spec(key, feature.shape)
            elif isinstance(feature, kinds.ClassLabel):
                specs[key] = tf.TensorSpec((), tf.int32, key)
            elif type(feature) in (kinds.Tensor, kinds.Scalar) and None not in feature.shape:
                dtype = tf.as_dtype(feature.dtype)
                if dtype != tf.string:
                    specs[key] = tf.TensorSpec(feature.shape, dtype, key)
        return specs

    def _image_spec(self, key, shape):
        side = self.size
        if side is None:
            if shape[0] is None or shape[0] != shape[1]:
                raise DataError(
                    f"Images of a dataset must have one square size. Received: {tuple(shape)} for "
                    f"'{key}' of '{self.name}'. Give `size`, e.g. tfds('{self.name}', size=64)."
                )
            side = shape[0]
        channels = self.channels or (1 if shape[2] == 1 else 3)
        return tf.TensorSpec((side, side, channels), tf.uint8, key)


def _import_package():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise DataError(
            "The dataset 'tfds' needs the package tensorflow-datasets. Received: "
            f"{error}. Install it with: pip install 'sslkeras[tfds]'."
        ) from error
    return tensorflow_datasets
