"""Tests of sslkeras.evaluation.projector: TensorBoard's own classes read what was written."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins import projector
from tensorboard.plugins.projector import projector_plugin

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, RunError
from sslkeras.evaluation.features import embed
from sslkeras.evaluation.projector import (
    export_projector,
    picture_side,
    sprite,
    write_projector,
)


def read(folder):
    """The description, the points and the lines of the metadata."""
    config = projector.ProjectorConfig()
    text_format.Parse((folder / "projector_config.pbtxt").read_text(), config)
    (points,) = config.embeddings
    # A private reader of TensorBoard, which its server calls on the file.
    tensor = projector_plugin._read_tensor_tsv_file(str(folder / points.tensor_path))
    lines = (folder / points.metadata_path).read_text(encoding="utf-8").splitlines()
    return points, tensor, [line.split("\t") for line in lines]


def test_tensorboard_reads_the_features_that_the_encoder_gives(run, data, tmp_path):
    folder = export_projector(run, tmp_path / "points")

    points, tensor, _ = read(folder)
    (images,) = (batch["image"] for batch in data.test.batches(100))
    expected = embed(run.encoders["encoder"], images, "mean").numpy()
    assert points.tensor_name == "encoder on toy, test"
    assert list(points.tensor_shape) == [41, 6]
    np.testing.assert_allclose(tensor, expected, rtol=1e-5, atol=1e-6)


def test_values_read_back_exactly(tmp_path):
    features = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    features[0] = 0.0

    write_projector(tmp_path, "x", features, {"row": list("01234")})

    np.testing.assert_array_equal(read(tmp_path)[1], features)


def test_the_labels_come_first_and_by_name(run, data, tmp_path):
    _, _, lines = read(export_projector(run, tmp_path / "points"))

    (labels,) = (batch["label"].numpy() for batch in data.test.batches(100, only=("label",)))
    assert lines[0] == ["label", "size", "row"]
    assert [line[0] for line in lines[1:]] == [("left", "middle", "right")[i] for i in labels]
    assert [line[2] for line in lines[1:]] == [str(i) for i in range(41)]


def test_a_single_column_has_no_title(tmp_path):
    # TensorBoard takes the first of several columns for their names, and else none.
    words = ["a\tb", "c\nd", "ä", ""]

    write_projector(tmp_path, "x", np.eye(4, dtype=np.float32), {"word": words})

    assert read(tmp_path)[2] == [["a b"], ["c d"], ["ä"], ["(empty)"]]


def test_the_sprite_holds_the_images_in_the_order_of_the_points(run, data, tmp_path):
    folder = export_projector(run, tmp_path / "points")

    points, _, _ = read(folder)
    image = np.asarray(Image.open(folder / points.sprite.image_path))
    (images,) = (batch["image"].numpy() for batch in data.test.batches(100))
    # 4 x 4 pixels, enlarged to 64 x 64; 41 in rows of 7 make 6 rows and leave one cell white.
    assert list(points.sprite.single_image_dim) == [64, 64]
    assert image.shape == (6 * 64, 7 * 64, 3)
    for i in (0, 6, 7, 40):
        cell = image[i // 7 * 64 : i // 7 * 64 + 64, i % 7 * 64 : i % 7 * 64 + 64]
        expected = (images[i] * 255).round().repeat(16, 0).repeat(16, 1)
        np.testing.assert_allclose(cell, expected.repeat(3, -1), atol=1)
    assert (image[-64:, -64:] == 255).all()


@pytest.mark.parametrize("count, side", [(1, 64), (16_384, 64), (16_385, 63), (100_000, 25)])
def test_a_sprite_is_never_larger_than_8192_pixels(count, side):
    across = int(np.ceil(np.sqrt(count)))

    assert picture_side(count) == side
    assert picture_side(count) * across <= 8192


def test_pictures_that_are_no_squares_keep_their_shape_on_white(tmp_path, stand_in):
    wide = np.zeros((3, 4, 8, 1), np.float32)
    split = ArraySplit({"image": wide, "label": np.arange(3)})

    folder = export_projector(stand_in(Given(split, split)), tmp_path / "points")

    cell = np.asarray(Image.open(folder / "sprite.png"))[:64, :64]
    assert (cell[:16] == 255).all() and (cell[16:48] == 0).all() and (cell[48:] == 255).all()


def test_some_of_many_are_drawn_at_random_by_the_seed(run, data, tmp_path, capsys):
    first, again, other = (
        read(export_projector(run, tmp_path / str(i), points=10, seed=seed))
        for i, seed in enumerate((0, 0, 1))
    )

    assert "10 of 41 examples" in capsys.readouterr().err
    rows = [[int(line[2]) for line in lines[1:]] for _, _, lines in (first, again, other)]
    assert rows[0] == rows[1] == sorted(set(rows[0])) and len(rows[0]) == 10
    assert rows[0] != rows[2]
    (images,) = (batch["image"] for batch in data.test.batches(100))
    expected = embed(run.encoders["encoder"], tf.gather(images, rows[0]), "mean")
    np.testing.assert_allclose(first[1], expected, rtol=1e-5, atol=1e-6)


def test_words_stand_for_points_where_the_task_has_vectors(run, tmp_path):
    run.task.word_vectors = lambda model: (["the", "cat", "sat"], np.eye(3, 5))

    folder = export_projector(run, tmp_path / "points", points=2)

    points, tensor, lines = read(folder)
    assert lines == [["the"], ["cat"]]
    np.testing.assert_array_equal(tensor, np.eye(2, 5))
    assert not points.sprite.image_path


def test_a_sprite_of_one_picture_is_that_picture():
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 3, 3), np.uint8)

    np.testing.assert_array_equal(sprite(picture), picture[0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"split": "both"}, "`split` must be 'train' or 'test'"),
        ({"points": 0}, "`points` must be an integer from 1 to 100000"),
        ({"points": True}, "Received: points=True"),
        ({"pooling": "sum"}, "`pooling` must be one of"),
        ({"encoder": "eye"}, "`encoder` must be one of encoder"),
    ],
)
def test_wrong_arguments_are_refused(run, tmp_path, arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        export_projector(run, tmp_path / "points", **arguments)
    assert not (tmp_path / "points").exists()


def test_a_folder_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(RunError, match="An export must be written.*file"):
        export_projector(run, tmp_path / "file" / "points")
