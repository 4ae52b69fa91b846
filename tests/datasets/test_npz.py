"""Tests of sslkeras.datasets.npz."""

import numpy as np
import pytest

from sslkeras.datasets.npz import Npz
from sslkeras.errors import DataError

IMAGES = np.arange(10 * 6, dtype=np.uint8).reshape(10, 2, 3)
LABELS = np.arange(10) % 3


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return save


def whole(split):
    (batch,) = split.batches(100)
    return {name: value.numpy() for name, value in batch.items()}


def test_the_last_rows_are_the_test_split(save):
    data = Npz(save(x=IMAGES, y=LABELS), test_fraction=0.3)

    np.testing.assert_array_equal(whole(data.train)["image"][..., 0], IMAGES[:7])
    np.testing.assert_array_equal(whole(data.test)["image"][..., 0], IMAGES[7:])
    np.testing.assert_array_equal(whole(data.test)["label"], [1, 2, 0])
    assert whole(data.train)["label"].dtype == np.int32
    assert data.label_names is None


def test_shuffled_rows_keep_their_labels_and_are_split_once(save):
    path = save(x=IMAGES, y=np.arange(10))
    data = Npz(path, test_fraction=0.3, shuffle=True, seed=1)
    train, test = whole(data.train), whole(data.test)

    labels = np.concatenate([train["label"], test["label"]])

    assert sorted(labels) == list(range(10)) and list(labels) != list(range(10))
    np.testing.assert_array_equal(train["image"][..., 0], IMAGES[train["label"]])
    again = whole(Npz(path, test_fraction=0.3, shuffle=True, seed=1).train)
    np.testing.assert_array_equal(again["label"], train["label"])


def test_the_parts_of_keras_files_are_recognised(save):
    path = save(x_train=IMAGES[:8], y_train=LABELS[:8], x_test=IMAGES[8:], y_test=LABELS[8:])

    data = Npz(path)

    assert (data.train.size, data.test.size) == (8, 2)
    np.testing.assert_array_equal(whole(data.test)["label"], LABELS[8:])


def test_a_test_part_beside_the_plain_names_is_recognised(save):
    data = Npz(save(x=IMAGES[:8], x_test=IMAGES[8:]))

    assert (data.train.size, data.test.size) == (8, 2)
    assert set(data.train.features) == {"image"}


def test_further_arrays_become_features(save):
    data = Npz(save(pictures=IMAGES, kind=LABELS, depth=np.ones((10, 4))), image="pictures")

    assert set(data.train.features) == {"image", "kind", "depth"}


def test_classes_name_the_labels(save):
    data = Npz(save(x=IMAGES, y=LABELS, classes=np.array(["cat", "dog", "owl"])))

    assert data.label_names == ("cat", "dog", "owl")


def test_colours_and_floats_are_kept(save):
    images = np.random.default_rng(0).random((4, 2, 3, 3))

    batch = whole(Npz(save(x=images), test_fraction=0.5).test)

    np.testing.assert_allclose(batch["image"], images[2:].astype(np.float32))
    assert batch["image"].dtype == np.float32


def test_a_column_of_labels_is_taken_as_labels(save):
    assert whole(Npz(save(x=IMAGES, y=LABELS[:, np.newaxis])).test)["label"].shape == (1,)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no file.*numpy.savez_compressed"):
        Npz(tmp_path / "none.npz")


def test_a_file_that_is_no_archive_is_an_error(tmp_path):
    path = tmp_path / "data.npz"
    path.write_bytes(b"PK\x03\x04 not really")

    with pytest.raises(DataError, match="must be an .npz file that NumPy can read"):
        Npz(path)


def test_a_single_array_file_is_an_error(tmp_path):
    path = tmp_path / "data.npy"
    np.save(path, IMAGES)

    with pytest.raises(DataError, match="must be an .npz file that NumPy can read"):
        Npz(path)


def test_a_missing_key_is_an_error_with_the_nearest_one(save):
    with pytest.raises(DataError, match="array 'images'. Did you mean 'image'"):
        Npz(save(image=IMAGES), image="images")
    with pytest.raises(DataError, match="array 'kind'.*Received: x in"):
        Npz(save(x=IMAGES), label="kind")


def test_pickled_objects_are_refused_with_their_key(save):
    with pytest.raises(DataError, match="Python objects in 'y' of"):
        Npz(save(x=IMAGES, y=np.array([{}] * 10, dtype=object)))


def test_unequal_lengths_are_an_error(save):
    with pytest.raises(DataError, match="same number of rows.*'image': 10, 'label': 9"):
        Npz(save(x=IMAGES, y=LABELS[:9]))


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan])
def test_floats_outside_the_unit_interval_are_an_error(save, value):
    images = np.zeros((4, 2, 2))
    images[1, 1, 1] = value

    with pytest.raises(DataError, match=r"must lie in \[0, 1\].*Divide by 255"):
        Npz(save(x=images))


def test_other_types_and_shapes_are_an_error(save):
    with pytest.raises(DataError, match="uint8 or floats.*Received: int64"):
        Npz(save(x=IMAGES.astype(np.int64)))
    with pytest.raises(DataError, match=r"\(examples, height, width\).*\(10,\)"):
        Npz(save(x=LABELS))
    with pytest.raises(DataError, match="Labels must be one integer.*float64"):
        Npz(save(x=IMAGES, y=LABELS * 0.5))


def test_one_row_cannot_be_split(save):
    with pytest.raises(DataError, match="at least two rows to split. Received: 1"):
        Npz(save(x=IMAGES[:1]))


def test_gray_images_are_repeated_in_three_channels_where_asked(tmp_path):
    path = tmp_path / "gray.npz"
    images = np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2)
    np.savez(path, x=images)

    batch = next(iter(Npz(path, channels=3).train.batches(9)))["image"].numpy()

    np.testing.assert_array_equal(batch, np.repeat(images[:9, ..., None], 3, axis=-1))
