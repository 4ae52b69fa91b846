"""Tests of sslkeras.pictures.sheet."""

import numpy as np
import pytest
from PIL import Image

from sslkeras.pictures.sheet import BAD, GOOD, Cell, Sheet


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def inside(image, box):
    left, top, right, bottom = box
    return image[top:bottom, left:right]


def test_each_image_lies_in_its_cell_enlarged_by_a_whole_number(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2, 3, 7, 5, 3)) / 255.0
    sheet = Sheet([[Cell(image, "words") for image in row] for row in images])

    drawn = pixels(sheet.save(tmp_path, "sheet"))

    for row in range(2):
        for column in range(3):
            found = inside(drawn, sheet.box(row, column))
            expected = (images[row, column] * 255).round().astype(np.uint8)
            assert found.shape == (98, 70, 3)
            np.testing.assert_array_equal(found[::14, ::14], expected)
            np.testing.assert_array_equal(found[13::14, 13::14], expected)


@pytest.mark.parametrize("side, shown", [(1, 100), (28, 112), (48, 96), (64, 128), (80, 80)])
def test_small_images_become_about_equally_large(side, shown):
    left, top, right, bottom = Sheet([[Cell(np.zeros((side, side, 1)))]]).box(0, 0)

    assert (right - left, bottom - top) == (shown, shown)


def test_cells_do_not_overlap():
    sheet = Sheet(
        [[Cell(np.zeros((9, 4, 1))), Cell(np.zeros((3, 30, 1)), "some words")], [Cell(text="a")]],
        columns=["one", "two"],
        headings=["first row"],
        title="A title",
    )

    first, second = sheet.box(0, 0), sheet.box(0, 1)
    assert first[2] < second[0]
    assert sheet.draw().size[0] > second[2] and sheet.draw().size[1] > first[3]


def test_large_images_are_reduced_with_their_proportions():
    sheet = Sheet([[Cell(np.zeros((600, 300, 3)))]])

    left, top, right, bottom = sheet.box(0, 0)
    assert (bottom - top, right - left) == (224, 112)


def test_marks_are_a_colour_around_and_a_sign():
    sheet = Sheet([[Cell(np.zeros((84, 84, 1)), "7", mark) for mark in (GOOD, BAD, None)]])
    drawn = np.asarray(sheet.draw())

    colours = [drawn[sheet.box(0, i)[1] - 1, sheet.box(0, i)[0] + 5].tolist() for i in range(3)]
    assert colours == [[0, 158, 115], [213, 94, 0], [205, 205, 205]]
    assert [cell.words for cell in sheet.rows[0]] == ["✓ 7", "✗ 7", "7"]


def test_clips_move_and_shorter_ones_stand_still_at_their_end(tmp_path):
    long = np.linspace(0, 1, 4).reshape(4, 1, 1, 1) * np.ones((4, 84, 84, 1))
    short = long[[0, 3]]
    sheet = Sheet([[Cell(long), Cell(short)]])

    path = sheet.save(tmp_path, "moving")

    film = Image.open(path)
    assert path.suffix == ".gif" and film.n_frames == 4
    film.seek(2)
    frame = np.asarray(film.convert("RGB"))
    assert abs(int(inside(frame, sheet.box(0, 0)).mean()) - 170) < 6
    assert inside(frame, sheet.box(0, 1)).mean() > 250


def test_long_words_are_wrapped_below_their_image():
    narrow = Sheet([[Cell(np.zeros((84, 84, 1)), "a caption of many words " * 4)]])
    wide = Sheet([[Cell(np.zeros((84, 84, 1)), "short")]])

    assert narrow.draw().size[0] == wide.draw().size[0]
    assert narrow.draw().size[1] > wide.draw().size[1] + 50


def test_an_empty_sheet_is_drawn():
    assert Sheet([]).draw().size[0] > 0
