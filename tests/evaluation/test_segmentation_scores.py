"""Tests of sslkeras.evaluation.segmentation_scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.morphology import dilation, disk
from sklearn.metrics import f1_score, jaccard_score

from sslkeras.evaluation.segmentation_scores import (
    boundary,
    boundary_score,
    clip_scores,
    over_time,
    region_score,
)


def square(shift=0, side=20):
    mask = np.zeros((side, side), bool)
    mask[5:15, 5 + shift : 15 + shift] = True
    return mask


@pytest.mark.parametrize("shift, region, edge", [(2, 0.66666667, 0.55), (1, 0.81818182, 1.0)])
def test_a_shifted_square_has_the_worked_scores(shift, region, edge):
    # 10 x 10 pixels: 80 of 120 and 90 of 110 are shared. 40 boundary pixels, radius 1.
    assert boundary(square()).sum() == boundary(square(shift)).sum() == 40
    assert region_score(square(), square(shift)) == pytest.approx(region, abs=1e-8)
    assert boundary_score(square(), square(shift)) == pytest.approx(edge, abs=1e-8)


def test_empty_masks_follow_the_conventions():
    empty = np.zeros((20, 20), bool)

    assert region_score(empty, empty) == boundary_score(empty, empty) == 1.0
    assert region_score(empty, square()) == boundary_score(empty, square()) == 0.0
    assert region_score(square(), empty) == boundary_score(square(), empty) == 0.0


def test_quarters_of_a_clip_share_their_border_frames():
    # Quarters begin and end at 0, 2, 4, 5, 7: .8 - .3.
    assert over_time([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]) == pytest.approx((0.55, 0.5, 0.5))
    assert over_time([0.7]) == pytest.approx((0.7, 1.0, 0.0))


def test_first_and_last_frame_do_not_count():
    truth = np.stack([square()] * 4).astype(int)
    prediction = truth.copy()
    prediction[0] = prediction[3] = 0

    (scores,) = clip_scores(truth, prediction)

    assert scores["J"] == scores["F"] == 1.0
    prediction[1] = 0
    assert clip_scores(truth, prediction)[0]["J"] == 0.5


def reference_boundary(mask):
    height, width = mask.shape
    result = np.zeros_like(mask)
    for i in range(height):
        for j in range(width):
            for row, column in ((i, j + 1), (i + 1, j), (i + 1, j + 1)):
                if row < height and column < width:
                    result[i, j] |= mask[i, j] != mask[row, column]
    # At the border only the neighbours inside count, and the corner has none.
    return result


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.008, 0.1]))
def test_scores_agree_with_other_libraries(seed, tolerance):
    generator = np.random.default_rng(seed)
    truth = generator.random((12, 15)) > 0.6
    prediction = truth ^ (generator.random((12, 15)) > 0.8)
    edges = boundary(truth), boundary(prediction)
    np.testing.assert_array_equal(edges[0], reference_boundary(truth))
    radius = int(np.ceil(tolerance * np.hypot(12, 15)))
    near = [dilation(edge, disk(radius)) for edge in edges]
    precision = near[0][edges[1]].mean()
    recall = near[1][edges[0]].mean()

    found = boundary_score(truth, prediction, tolerance)

    assert found == pytest.approx(2 * precision * recall / (precision + recall))
    assert region_score(truth, prediction) == pytest.approx(
        jaccard_score(truth.ravel(), prediction.ravel())
    )
    region = region_score(truth, prediction)
    assert f1_score(truth.ravel(), prediction.ravel()) == pytest.approx(2 * region / (1 + region))
