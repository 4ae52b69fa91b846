"""Tests of sslkeras_multiview.frame_changes."""

import numpy as np
import tensorflow as tf
from sslkeras_multiview.frame_changes import changed_frames, random_boxes

SEED = tf.constant([3, 1])
NONE = {"min_area": 1.0, "max_scale": 1.0, "brightness": 0.0, "saturation": 0.0}
FRAMES = np.random.default_rng(0).random((3, 2, 8, 8, 3)).astype(np.float32)


def test_without_changes_frames_stay_as_they_are():
    np.testing.assert_array_equal(changed_frames(FRAMES, SEED, size=8, **NONE), FRAMES)


def test_frames_are_resized_as_tf_image_does():
    resized = changed_frames(FRAMES, SEED, size=16, **NONE)

    expected = tf.image.resize(FRAMES.reshape(6, 8, 8, 3), (16, 16)).numpy()
    np.testing.assert_allclose(resized.numpy().reshape(6, 16, 16, 3), expected, atol=1e-5)


def test_half_are_cut_in_the_middle_and_half_set_into_a_canvas():
    top, left, bottom, right = random_boxes(SEED, 2000, 0.8, 3.0).numpy().T
    side = bottom - top
    np.testing.assert_allclose(side, right - left, atol=1e-6)
    cuts = side < 1

    assert 0.45 < cuts.mean() < 0.55
    np.testing.assert_allclose(side[cuts].min(), np.sqrt(0.8), atol=0.01)
    np.testing.assert_allclose(top[cuts] + bottom[cuts], 1, atol=1e-5)
    np.testing.assert_allclose([side.max(), side[~cuts].mean()], [3, 2], atol=0.1)
    # The whole frame lies in the canvas, anywhere.
    assert top[~cuts].max() <= 0 and bottom[~cuts].min() >= 1
    assert np.abs(np.corrcoef(top[~cuts], left[~cuts])[0, 1] - 0) < 0.9


def test_one_kind_alone():
    sides = [
        np.ptp(random_boxes(SEED, 100, *of).numpy()[:, ::2], axis=1) for of in ((0.8, 1), (1, 3))
    ]

    assert sides[0].max() <= 1 + 1e-6 and sides[0].min() < 0.95
    assert sides[1].min() >= 1 - 1e-6 and sides[1].max() > 2


def test_the_canvas_is_black_and_keeps_the_frame():
    white = np.ones((1, 1, 8, 8, 1), np.float32)

    canvas = changed_frames(white, SEED, size=24, **{**NONE, "max_scale": 3.0}).numpy()

    box = random_boxes(tf.unstack(tf.random.split(SEED, 3))[0], 1, 1.0, 3.0).numpy()[0]
    side = box[2] - box[0]
    np.testing.assert_allclose(canvas.sum(), (24 / side) ** 2, rtol=0.1)
    assert set(np.round(np.unique(canvas), 3)) <= {0.0, 1.0}


def test_each_frame_changes_in_brightness_by_itself():
    gray = np.full((3, 2, 8, 8, 1), 0.5, np.float32)

    shifts = changed_frames(gray, SEED, size=8, **{**NONE, "brightness": 0.125}).numpy() - 0.5

    each = shifts.reshape(6, -1)
    np.testing.assert_allclose(each, np.repeat(each[:, :1], 64, axis=1), atol=1e-6)
    assert len(np.unique(np.round(each[:, 0], 5))) == 6 and np.abs(each).max() <= 0.125


def test_saturation_leaves_the_luma():
    changed = changed_frames(0.3 + 0.4 * FRAMES, SEED, size=8, **{**NONE, "saturation": 0.5})

    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(changed.numpy() @ luma, (0.3 + 0.4 * FRAMES) @ luma, atol=2e-3)
    assert np.abs(changed - (0.3 + 0.4 * FRAMES)).max() > 0.02
