"""Tests of sslkeras.evaluation.localization_scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, jaccard_score, roc_auc_score

from sslkeras.evaluation.localization_scores import (
    area_under_success,
    box_masks,
    centre_map,
    hits_with_peak,
    overlaps,
    pixel_auc,
    stretched,
    success,
)

MAP = np.array([[[0.1, 0.9, 0.2], [0.3, 0.8, 0.1], [0.2, 0.1, 0]]])
TRUTH = np.array([[[0, 1, 0], [0, 1, 1], [0, 0, 0]]], bool)


def test_scores_have_the_worked_values():
    assert overlaps(MAP, TRUTH)[0] == pytest.approx(2 / 3)
    assert hits_with_peak(MAP, TRUTH)[0]
    # Of 18 pairs .9 and .8 win 6 each; .1 beats 0 and ties with .1 twice: 12 + 1 + 1 = 14.
    assert pixel_auc(MAP[0], TRUTH[0]) == pytest.approx(0.77777778)
    assert success([0.2, 0.5, 0.55, 0.9]) == 0.75
    assert area_under_success([0.2, 0.5, 0.55, 0.9]) == pytest.approx(0.5625)


def test_the_first_of_equal_peaks_counts():
    flat = np.zeros((2, 3, 3))
    truth = np.zeros((2, 3, 3), bool)
    truth[0, 0, 0] = truth[1, 2, 2] = True

    assert hits_with_peak(flat, truth).tolist() == [True, False]


def test_an_image_that_is_all_object_has_no_ranking():
    assert np.isnan(pixel_auc(MAP[0], np.ones((3, 3), bool)))


def test_maps_are_stretched_to_the_unit_interval():
    found = stretched(np.stack([MAP[0] / 2 + 0.1, np.full((3, 3), 0.7)]))

    np.testing.assert_allclose(found[0], MAP[0] / 0.9)
    np.testing.assert_array_equal(found[1], 0)


def test_the_centre_is_the_largest_and_corners_are_0():
    found = centre_map((5, 7))

    assert found[2, 3] == 1 == found.max()
    np.testing.assert_allclose(found[[0, 0, -1, -1], [0, -1, 0, -1]], 0, atol=1e-12)
    assert centre_map((1, 1)) == 1


def test_boxes_hold_the_pixels_whose_centre_they_hold():
    masks = box_masks([[1, 2, 3, 4], [0.6, 0, 1.5, 9]], (4, 5))

    assert masks.shape == (2, 4, 5)
    assert masks[0].sum() == 4 and masks[0, 1:3, 2:4].all()
    # Centres of rows are .5, 1.5, ...; the lower border lies outside.
    assert masks[1].sum() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_agree_with_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 5, (2, 4, 5)) / 4
    truth = generator.random((2, 4, 5)) > 0.5
    truth[:, 0, 0], truth[:, 0, 1] = True, False

    for i in range(2):
        assert pixel_auc(values[i], truth[i]) == pytest.approx(
            roc_auc_score(truth[i].ravel(), values[i].ravel())
        )
        assert overlaps(values, truth)[i] == pytest.approx(
            jaccard_score(truth[i].ravel(), values[i].ravel() >= 0.5)
        )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.501, 0.9, 1.0]), min_size=1, max_size=9))
def test_the_area_under_success_agrees_with_scikit_learn(values):
    thresholds = np.arange(21) / 20
    shares = [np.mean([value >= threshold for value in values]) for threshold in thresholds]

    assert area_under_success(values) == pytest.approx(auc(thresholds, shares))
