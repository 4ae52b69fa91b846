"""Tests of sslkeras.evaluation.frame_scores."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sslkeras.errors import DataError
from sslkeras.evaluation.frame_scores import moving_pixels, painted_psnr, psnr, sharpness, ssim

Y = np.array([[0, 0.2, 0.4], [0.6, 0.8, 1], [-0.2, -0.4, -0.6]])
Z = np.array([[0.1, 0.2, 0.3], [0.5, 0.9, 0.7], [0, -0.5, -0.6]])


def frame(array):
    return np.asarray(array, np.float64)[np.newaxis, ..., np.newaxis]


def test_scores_have_the_worked_values():
    a = np.arange(16).reshape(4, 4) / 16
    b = a.copy()
    b[0, 0] += 0.1
    b[2, 3] -= 0.2

    # MSE (.01 + .04) / 16 = .003125; mean difference of slopes .03611111 over 3 x 3 pixels.
    assert psnr(frame(a), frame(b))[0] == pytest.approx(25.05149978)
    assert sharpness(frame(a), frame(b))[0] == pytest.approx(14.42359148)


def test_scores_of_frames_mapped_to_the_unit_interval_have_the_worked_values():
    truth, prediction = frame((Y + 1) / 2), frame((Z + 1) / 2)
    moving = np.array([[[1, 0, 0], [1, 1, 1], [0, 0, 0]]], bool)

    assert psnr(truth, prediction)[0] == pytest.approx(23.0102999566)
    assert sharpness(truth, prediction)[0] == pytest.approx(7.5696195131)
    assert psnr(truth, prediction, moving)[0] == pytest.approx(21.2493873661)
    assert painted_psnr(truth, prediction, moving)[0] == pytest.approx(24.7712125472)


def test_structural_similarity_has_the_worked_values():
    x, y = np.meshgrid(np.arange(16), np.arange(16))
    p, q = frame((x + y) % 4 / 3), frame((x + 2 * y) % 5 / 4)
    # float64: -.00049143.
    assert ssim(p, q)[0] == pytest.approx(-0.00049167, abs=1e-6)
    assert ssim(p, p)[0] == pytest.approx(1)

    a = (x + y) / 30
    b = np.where((x + y) % 2 == 0, a, 1 - a)
    assert ssim(frame(a), frame(0.9 * a))[0] == pytest.approx(0.98948, abs=1e-4)
    assert ssim(frame(a), frame(b))[0] == pytest.approx(0.05918, abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(11, 17), st.sampled_from([1, 3]))
def test_scores_agree_with_scikit_image_and_tensorflow(seed, height, channels):
    generator = np.random.default_rng(seed)
    truth = generator.random((2, height, 13, channels)).astype(np.float32)
    prediction = np.clip(truth + generator.normal(0, 0.2, truth.shape), 0, 1).astype(np.float32)
    expected = [
        structural_similarity(
            t.astype(np.float64),
            p.astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=-1,
        )
        for t, p in zip(truth, prediction)
    ]

    np.testing.assert_allclose(ssim(truth, prediction), expected, atol=2e-5)
    np.testing.assert_allclose(
        ssim(truth, prediction), tf.image.ssim(truth, prediction, 1.0), atol=1e-6
    )
    np.testing.assert_allclose(
        psnr(truth, prediction),
        [peak_signal_noise_ratio(t, p, data_range=1.0) for t, p in zip(truth, prediction)],
        rtol=1e-5,
    )


def test_equal_frames_reach_the_cap():
    assert psnr(frame(Y), frame(Y))[0] == sharpness(frame(Y), frame(Y))[0] == 100


def test_moving_pixels_alone_count():
    generator = np.random.default_rng(0)
    before, truth = generator.random((2, 1, 14, 14, 2))
    before[:, :, :7] = truth[:, :, :7]
    moving = moving_pixels(truth, before, 0.0)
    assert moving[0, :, 7:].all() and not moving[0, :, :7].any()

    half = psnr(truth, before, moving)

    error = np.square(truth - before)[:, :, 7:].mean()
    assert half[0] == pytest.approx(-10 * np.log10(error))
    slopes = [
        np.abs(np.diff(f, axis=1))[:, :, 1:] + np.abs(np.diff(f, axis=2))[:, 1:]
        for f in (truth, before)
    ]
    # The first of them belongs to the second column.
    difference = np.abs(slopes[0] - slopes[1])[:, :, 6:].mean()
    assert sharpness(truth, before, moving)[0] == pytest.approx(-10 * np.log10(difference))
    assert ssim(truth, truth, moving)[0] == pytest.approx(1)
    nothing = np.zeros_like(moving)
    for score in (psnr, ssim, sharpness, painted_psnr):
        assert np.isnan(score(truth, before, nothing)[0])


def test_small_frames_are_refused_for_structural_similarity():
    with pytest.raises(DataError, match="at least 11 pixels.*Received: 10 x 12.*leave 'SSIM' out"):
        ssim(np.zeros((1, 10, 12, 1)), np.zeros((1, 10, 12, 1)))
