"""Tests of sslkeras.pictures.surprise."""

import numpy as np
import pytest

from sslkeras.pictures.surprise import draw_surprise, lines_of

BIT = np.log(2)


def test_words_stand_one_after_another_with_their_bits():
    lines = lines_of([1, 2, 1], [True, False, True], [-3 * BIT, -9.0, -BIT], ("<pad>", "ab", b"c"))

    assert lines == [[(0, "ab", pytest.approx(3)), (3, "c", None), (5, "ab", pytest.approx(1))]]


def test_lines_are_broken_between_words_and_long_texts_cut():
    count = 2000
    lines = lines_of(np.full(count, 12345), np.ones(count, bool), np.zeros(count))

    assert len(lines) == 6
    assert [column for column, _, _ in lines[1]] == list(range(0, 96, 6))
    assert all(column + 5 <= 96 for line in lines for column, _, _ in line)


def test_padding_at_the_end_is_left_out():
    tokens, scored = [5, 0, 6, 7, 0, 0], [True, False, True, False, False, False]

    words = [word for line in lines_of(tokens, scored, np.zeros(6)) for _, word, _ in line]

    assert words == ["5", "0", "6", "7"]


def test_text_without_vocabulary_is_drawn():
    figure = draw_surprise([([1, 2], [True, True], [-1.0, -20.0])], title="$x_1$")

    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2"]
    assert figure.axes[0].texts[1].get_color() == "white"  # Nearly 29 bits: dark.
