"""Tests of sslkeras.pictures.canvas."""

import numpy as np

from sslkeras.pictures.canvas import displayable, new_figure, save, strip, style


def test_images_of_any_channels_become_rgb_in_range():
    assert displayable(np.full((2, 3, 1), 2.0)).tolist() == np.ones((2, 3, 3)).tolist()
    assert displayable(np.zeros((2, 3))).shape == (2, 3, 3)
    # The mean of 0.2, 0.4, 0.6, 0.8.
    np.testing.assert_allclose(displayable([[[0.2, 0.4, 0.6, 0.8]]]), [[[0.5, 0.5, 0.5]]])
    assert displayable(np.array([[[np.nan]]])).tolist() == [[[0.0, 0.0, 0.0]]]


def test_a_strip_puts_white_between_frames():
    frames = np.zeros((2, 1, 1, 3), np.float32)

    assert strip(frames)[0, :, 0].tolist() == [0.0, 1.0, 0.0]


def test_49_classes_have_styles_of_their_own():
    assert len({style(index) for index in range(49)}) == 49


def test_figures_leave_pyplot_alone(tmp_path, is_drawn):
    figure = new_figure(2, 2)
    figure.subplots().plot([0, 1])

    path = save(figure, tmp_path, "line")

    assert path.name == "line.png"
    assert is_drawn(path)
