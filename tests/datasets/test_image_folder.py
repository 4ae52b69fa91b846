"""Tests of sslkeras.datasets.image_folder."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from PIL import Image

from sslkeras.datasets import image_folder
from sslkeras.datasets.dataset import Order, Share
from sslkeras.datasets.image_folder import ImageFolder
from sslkeras.errors import ConfigurationError, DataError

CORRUPT = (2, 5, 6)


@pytest.fixture(autouse=True)
def own_cache_and_small_chunks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(image_folder, "_CHUNK", 3)  # Ten files are several chunks.


def save(path, value=0, mode="RGB", size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def spoilt(tmp_path):
    """Ten PNGs `0.png` to `9.png` whose grey value is ten times the name; three are corrupt."""
    for number in range(10):
        path = tmp_path / "images" / f"{number}.png"
        save(path, 10 * number, "L")
        if number in CORRUPT:
            path.write_bytes(path.read_bytes()[:40])
    return tmp_path / "images"


def values(batches, count=99):
    """Ten times the file name of each image, batch by batch."""
    return [batch["image"].numpy()[:, 0, 0, 0].tolist() for batch in batches.take(count)]


def test_files_of_every_kind_become_images_of_one_shape(tmp_path):
    save(tmp_path / "a.JPG", (250, 250, 250))
    save(tmp_path / "b.png", (10, 20, 30, 128), "RGBA")
    save(tmp_path / "c.gif", 77, "L")
    save(tmp_path / "d.bmp", (1, 2, 3))
    save(tmp_path / "e.jpeg", 99, "L")
    (tmp_path / "f.txt").write_text("no image")

    data = ImageFolder(tmp_path, size=4, test_fraction=0.0)
    (batch,) = data.train.batches(9)

    assert batch["image"].shape == (5, 4, 4, 3) and batch["image"].dtype == tf.uint8
    pixels = batch["image"].numpy()[:, 1, 1].tolist()
    expected = [[250] * 3, [10, 20, 30], [77] * 3, [1, 2, 3], [99] * 3]
    np.testing.assert_allclose(pixels, expected, atol=1)
    assert set(data.train.features) == {"image"} and data.label_names is None


def test_colours_become_grey_where_one_channel_is_asked_for(tmp_path):
    save(tmp_path / "a.png", (100, 100, 100))
    save(tmp_path / "b.gif", 77, "L")
    save(tmp_path / "c.bmp", (30, 30, 30))
    save(tmp_path / "d.png", (60, 9), "LA")

    (batch,) = ImageFolder(tmp_path, size=4, channels=1, test_fraction=0.0).train.batches(9)

    np.testing.assert_allclose(batch["image"][:, 0, 0, 0], [100, 77, 30, 60], atol=1)


def test_the_middle_of_the_long_side_is_kept(tmp_path):
    pixels = np.zeros((4, 12), np.uint8)
    pixels[:, 4:8] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")

    (batch,) = ImageFolder(tmp_path, size=4, test_fraction=0.0).train.batches(1)

    np.testing.assert_array_equal(batch["image"], np.full((1, 4, 4, 3), 200))


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_shrinking_averages_instead_of_leaving_out_pixels(tmp_path, kind):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    image = Image.fromarray(checks.astype(np.uint8))
    image.save(tmp_path / f"a.{kind}", quality=100)

    (batch,) = ImageFolder(tmp_path, size=4, test_fraction=0.0).train.batches(1)

    np.testing.assert_allclose(batch["image"], 127.5, atol=3)


def test_sub_folders_are_classes(tmp_path):
    for number, name in enumerate(["dog", "cat", "cat/kittens"]):
        save(tmp_path / name / "x.png", number, "L")

    data = ImageFolder(tmp_path, size=8, test_fraction=0.0)
    (batch,) = data.train.batches(9)

    assert data.label_names == ("cat", "dog")
    # In the order of the listing: cat, cat/kittens, dog.
    assert batch["image"].numpy()[:, 0, 0, 0].tolist() == [1, 2, 0]
    assert batch["label"].numpy().tolist() == [0, 0, 1]


def test_train_and_validation_folders_are_the_splits(tmp_path):
    save(tmp_path / "train" / "cat" / "a.png", 1, "L")
    save(tmp_path / "train" / "dog" / "b.png", 2, "L")
    save(tmp_path / "validation" / "dog" / "c.png", 3, "L")

    data = ImageFolder(tmp_path, size=8)
    (test,) = data.test.batches(9)

    assert data.label_names == ("cat", "dog")
    assert values(data.train.batches(9)) == [[1, 2]]
    assert (values(data.test.batches(9)), test["label"].numpy().tolist()) == ([[3]], [1])


def test_test_images_of_unknown_classes_have_no_label(tmp_path):
    save(tmp_path / "train" / "cat" / "a.png", 1, "L")
    save(tmp_path / "test" / "unsorted" / "c.png", 3, "L")

    data = ImageFolder(tmp_path, size=8)

    assert "label" in data.train.features and "label" not in data.test.features


def test_a_seeded_part_is_held_out(tmp_path):
    for number in range(10):
        save(tmp_path / f"{number}.png", number, "L")

    data, other = (ImageFolder(tmp_path, size=8, test_fraction=0.4, seed=s) for s in (0, 1))
    (train,), (test,) = values(data.train.batches(99)), values(data.test.batches(99))

    assert (len(train), len(test)) == (6, 4)
    assert sorted(train + test) == list(range(10))
    assert values(other.test.batches(99)) != [test]


def test_without_a_test_part_test_is_an_error(tmp_path):
    save(tmp_path / "a.png")

    with pytest.raises(DataError, match="Held-out images.*larger `test_fraction`"):
        _ = ImageFolder(tmp_path, test_fraction=0.0).test


def test_a_pass_in_order_leaves_out_corrupt_files(spoilt):
    split = ImageFolder(spoilt, size=8, test_fraction=0.0).train

    assert values(split.batches(3)) == [[0, 10, 30], [40, 70, 80], [90]]
    assert values(split.batches(3, start=1)) == [[40, 70, 80], [90]]
    assert split.skipped == ("2.png", "5.png", "6.png")


def test_in_training_the_next_readable_file_takes_the_place_of_a_corrupt_one(spoilt):
    split = ImageFolder(spoilt, size=8, test_fraction=0.0).train
    # The same order over ten files of which none is corrupt.
    sound = spoilt.parent / "sound"
    for number in range(10):
        save(sound / f"{number}.png", 10 * number, "L")
    whole = ImageFolder(sound, size=8, test_fraction=0.0).train
    instead = {20: 30, 50: 70, 60: 70}

    for order, start in ((Order(0, 0), 0), (Order(0, 1), 0), (Order(0, 1), 2)):
        expected = values(whole.batches(4, order=order, start=start), 6)
        found = values(split.batches(4, order=order, start=start), 6)

        assert found == [[instead.get(v, v) for v in batch] for batch in expected]
    assert split.skipped == ("2.png", "5.png", "6.png")
    assert whole.skipped == ()


def test_a_corrupt_last_file_gives_its_place_to_the_first(tmp_path):
    save(tmp_path / "a.png", 7, "L")
    (tmp_path / "b.png").write_bytes(b"")

    split = ImageFolder(tmp_path, size=8, test_fraction=0.0).train

    assert values(split.batches(4, order=Order(0, 0)), 2) == [[7] * 4] * 2


def test_labels_follow_the_file_that_is_read(tmp_path):
    save(tmp_path / "a" / "1.png", 1, "L")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.png").write_bytes(b"nothing")
    save(tmp_path / "c" / "3.png", 3, "L")
    split = ImageFolder(tmp_path, size=8, test_fraction=0.0).train

    (batch,) = split.batches(6, order=Order(0, 0)).take(1)
    (labels,) = split.batches(6, order=Order(0, 0), only=("label",)).take(1)

    assert set(labels) == {"label"}
    np.testing.assert_array_equal(labels["label"], batch["label"])
    np.testing.assert_array_equal(batch["label"] + 1, batch["image"][:, 0, 0, 0])


def test_shares_concatenate_to_the_global_batch(spoilt):
    split = ImageFolder(spoilt, size=8, test_fraction=0.0).train
    whole = values(split.batches(4, order=Order(0, 0)), 5)

    shares = [values(split.batches(4, order=Order(0, 0), share=Share(i, 2)), 5) for i in (0, 1)]

    assert [a + b for a, b in zip(*shares, strict=True)] == whole


def test_each_corrupt_file_is_named_in_one_warning(spoilt, monkeypatch):
    named = []
    monkeypatch.setattr(logging, "warning", lambda text, count, name: named.append(name))
    split = ImageFolder(spoilt, size=8, test_fraction=0.0).train

    for _ in split.batches(4, order=Order(0, 0)).take(20):
        pass

    assert sorted(named) == ["2.png", "5.png", "6.png"]


def test_a_file_that_vanished_stops_the_pass_instead_of_being_skipped(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", number, "L")
    split = ImageFolder(tmp_path, size=8, test_fraction=0.0).train
    batches = split.batches(3)
    (tmp_path / "1.png").unlink()

    with pytest.raises(tf.errors.NotFoundError, match="1.png"):
        values(batches)


def test_training_batches_are_static_and_work_in_a_traced_pipeline(spoilt):
    split = ImageFolder(spoilt, size=8, test_fraction=0.0).train
    assert split.batches(4, order=Order(0, 0)).element_spec["image"].shape == (4, 8, 8, 3)

    epochs = tf.data.Dataset.range(2).flat_map(
        lambda epoch: split.batches(4, order=Order(0, epoch), start=epoch).take(1)
    )

    expected = [
        values(split.batches(4, order=Order(0, epoch), start=epoch), 1)[0] for epoch in (0, 1)
    ]
    assert values(epochs) == expected


def test_a_folder_of_only_corrupt_files_is_an_error_before_the_first_batch(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    data = ImageFolder(tmp_path, test_fraction=0.0)

    with pytest.raises(DataError, match="must be readable. Received: 3 files.*'0.jpg'"):
        _ = data.train.features


def test_an_empty_or_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"must hold images \(.jpg.*without any"):
        ImageFolder(tmp_path)
    with pytest.raises(DataError, match="must be a folder.*none' ?, where there is none"):
        ImageFolder(tmp_path / "none")


def test_two_channels_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="`channels` of ImageFolder must be one of 1, 3"):
        ImageFolder(tmp_path, channels=2)


def fingerprint(folder, **arguments):
    data = ImageFolder(folder, **{"size": 8, "test_fraction": 0.0, **arguments})
    return data.train.fingerprint(data.train.features)


@pytest.fixture
def pets(tmp_path):
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/a.png")):
        save(tmp_path / "pets" / name, (40 * number,) * 3)
    return tmp_path / "pets"


def test_the_fingerprint_is_that_of_the_files_wherever_they_lie(pets, tmp_path):
    before = fingerprint(pets)

    assert fingerprint(pets) == before
    shutil.copytree(pets, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == before
    pets.rename(tmp_path / "moved")
    assert fingerprint(tmp_path / "moved") == before


def grow(pets):
    save(pets / "dog" / "b.png")


def repaint(pets):
    save(pets / "dog" / "a.png", (200, 0, 0))


def touch(pets):
    os.utime(pets / "dog" / "a.png", (1, 1))


def exchange(pets):
    """Other content of the same size and time, as of another folder with the same names."""
    path = pets / "dog" / "a.png"
    times, content = path.stat().st_mtime_ns, bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times, times))


def rename(pets):
    (pets / "dog" / "a.png").rename(pets / "dog" / "c.png")


def relabel(pets):
    (pets / "dog").rename(pets / "fox")


@pytest.mark.parametrize("change", [grow, repaint, touch, exchange, rename, relabel])
def test_the_fingerprint_changes_with_any_file(pets, change):
    before = fingerprint(pets)

    change(pets)

    assert fingerprint(pets) != before


def test_the_fingerprint_depends_on_how_files_are_read(pets):
    assert fingerprint(pets) != fingerprint(pets, size=4)
    data = ImageFolder(pets, size=8, test_fraction=0.0)
    assert data.train.fingerprint(["image"]) != data.train.fingerprint(["image", "label"])
