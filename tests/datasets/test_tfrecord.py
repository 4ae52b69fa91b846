"""Tests of sslkeras.datasets.tfrecord."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sslkeras.datasets.dataset import Order, Share
from sslkeras.datasets.tfrecord import TFRecord, count_records
from sslkeras.errors import ConfigurationError, DataError


def png(value):
    buffer = io.BytesIO()
    Image.new("L", (6, 4), int(value)).save(buffer, "PNG")
    return buffer.getvalue()


def example(**features):
    made = {}
    for name, value in features.items():
        if isinstance(value, bytes):
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, int):
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=value))
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


def write(path, records):
    options = "GZIP" if path.name.endswith(".gz") else ""
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def folder(tmp_path):
    """Twenty images with the labels 0 to 19 in two files, one gzipped."""
    write(tmp_path / "a.tfrecord", [example(image=png(n), label=n) for n in range(12)])
    write(tmp_path / "b.tfrecord.gz", [example(image=png(n), label=n) for n in range(12, 20)])
    return tmp_path


def labels(batches, count=99):
    return [batch["label"].numpy().tolist() for batch in batches.take(count)]


def test_records_come_in_order_with_every_kth_held_out(folder):
    data = TFRecord(folder, size=4, test_every=4)

    # The 4th, 8th, ... record of each file.
    assert labels(data.test.batches(9)) == [[3, 7, 11, 15, 19]]
    assert labels(data.train.batches(9))[0] == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert (data.train.size, data.test.size) == (15, 5)


def test_images_are_decoded_beside_their_labels(folder):
    (batch,) = TFRecord(folder, size=4, channels=1).train.batches(5).take(1)

    assert batch["image"].shape == (5, 4, 4, 1) and batch["image"].dtype == tf.uint8
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], batch["label"])


def test_a_test_path_makes_the_split(folder):
    data = TFRecord(
        folder / "a.tfrecord", test_path=str(folder / "b*"), features={"label": "int32"}
    )

    assert (data.train.size, data.test.size) == (12, 8)
    assert labels(data.test.batches(9)) == [list(range(12, 20))]
    assert data.train.features["label"].dtype == tf.int32


def test_a_shuffled_pass_is_a_permutation_that_depends_on_the_epoch(folder):
    split = TFRecord(folder, features={"label": "int64"}, test_every=4).train

    first, second, next_epoch = (
        *labels(split.batches(15, order=Order(0, 0)), 2),
        *labels(split.batches(15, order=Order(0, 1)), 1),
    )

    expected = [n for n in range(20) if n % 4 != 3]
    assert sorted(first) == sorted(second) == sorted(next_epoch) == expected
    assert len({tuple(first), tuple(second), tuple(next_epoch), tuple(expected)}) == 4


def test_starting_later_and_sharing_give_the_same_examples(folder):
    split = TFRecord(folder, features={"label": "int64"}, shuffle_buffer=4).train
    whole = labels(split.batches(4, order=Order(3, 1)), 6)

    assert labels(split.batches(4, order=Order(3, 1), start=2), 4) == whole[2:]
    shares = [labels(split.batches(4, order=Order(3, 1), share=Share(i, 2)), 6) for i in (0, 1)]
    assert [a + b for a, b in zip(*shares, strict=True)] == whole


def test_numbers_bytes_and_strings_are_read_with_their_shape(tmp_path):
    record = example(pose=[1.0, 2.0, 3.0, 4.0], raw=bytes([5, 6, 7]), text=b"hello", kind=3)
    path = write(tmp_path / "x.tfrecord", [record])
    features = {"pose": "float32[2, 2]", "raw": "uint8[3]", "text": "string", "kind": "int32"}

    split = TFRecord(path, features=features).train
    (batch,) = split.batches(2)

    assert batch["pose"].numpy().tolist() == [[[1.0, 2.0], [3.0, 4.0]]]
    assert batch["raw"].numpy().tolist() == [[5, 6, 7]]
    assert batch["text"].numpy().tolist() == [b"hello"]
    assert split.features["pose"] == tf.TensorSpec((2, 2), tf.float32, "pose")
    for name, spec in split.features.items():
        assert batch[name].dtype == spec.dtype and batch[name].shape[1:] == spec.shape


def test_records_are_counted_without_reading_them(folder):
    assert count_records(str(folder / "a.tfrecord")) == 12
    assert count_records(str(folder / "b.tfrecord.gz")) == 8


@pytest.mark.parametrize("name", ["a.tfrecord", "b.tfrecord.gz"])
def test_a_file_that_is_cut_off_is_an_error_that_names_it(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(DataError, match=f"readable as a whole. Received: .*{name}"):
        _ = TFRecord(path).train


def test_records_without_the_features_are_an_error_that_says_what_they_hold(folder):
    data = TFRecord(folder, features={"picture": "image"})

    with pytest.raises(DataError, match="hold {'picture'.*'image': 'bytes_list', 'label': 'int64"):
        _ = data.train


def test_too_few_records_to_hold_one_out_are_an_error(tmp_path):
    path = write(tmp_path / "x.tfrecord", [example(label=n) for n in range(3)])

    with pytest.raises(DataError, match="none held out of.*smaller `test_every`"):
        _ = TFRecord(path, features={"label": "int64"}).test


def test_a_pattern_without_files_is_an_error(tmp_path):
    with pytest.raises(DataError, match="`path` must name TFRecord files"):
        TFRecord(tmp_path / "*.tfrecord")


@pytest.mark.parametrize("features", [{}, {"x": "float"}, {"x": "image[3]"}, ["image"], {"x": 3}])
def test_unknown_kinds_of_features_are_refused(folder, features):
    with pytest.raises(ConfigurationError, match="`features` of TFRecord must be a dict"):
        TFRecord(folder, features=features)
