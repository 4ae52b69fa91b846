"""Frames against true frames: PSNR, SSIM and sharpness difference, frame by frame.

M. Mathieu, C. Couprie, Y. LeCun, "Deep multi-scale video prediction beyond mean square
error", ICLR 2016, https://arxiv.org/abs/1511.05440 (sharpness difference, moving areas).
Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality Assessment: From Error
Visibility to Structural Similarity", IEEE Transactions on Image Processing, 2004.
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError

LARGEST_DECIBELS = 100.0
SSIM_WINDOW = 11


def psnr(truth, prediction, moving=None):
    """10 log10(1 / MSE) of each frame, at most 100 dB.

    Args:
        truth: float `(frames, height, width, channels)` in [0, 1].
        prediction: Likewise.
        moving: bool `(frames, height, width)`: the pixels that count; None for all.

    Returns:
        float64 `(frames,)`; NaN for a frame in which no pixel counts.
    """
    error = np.square(np.asarray(truth, np.float64) - prediction).mean(axis=-1)
    return _decibels(_mean_over_pixels(error, moving))


def painted_psnr(truth, prediction, moving):
    """PSNR of whole frames in which all other pixels are right, as Mathieu et al. report it.

    The more of a frame stands still, the higher it is. See `psnr` for the arguments.
    """
    error = np.square(np.asarray(truth, np.float64) - prediction).mean(axis=-1)
    result = _decibels((error * moving).mean(axis=(1, 2)))
    return np.where(moving.any(axis=(1, 2)), result, np.nan)


def sharpness(truth, prediction, moving=None):
    """10 log10(1 / mean |slope of truth - slope of prediction|) of each frame, at most 100 dB.

    The slope at a pixel is the sum of the absolute differences from the pixels above and to
    the left; the first row and column have none. See `psnr` for the arguments.
    """
    difference = np.abs(_slope(truth) - _slope(prediction)).mean(axis=-1)
    return _decibels(_mean_over_pixels(difference, moving if moving is None else moving[:, 1:, 1:]))


def ssim(truth, prediction, moving=None):
    """Structural similarity of each frame: 11 x 11 Gaussian windows inside the frame.

    Deviation 1.5, K1 0.01, K2 0.03, no sample covariance. With `moving`, windows whose
    centre counts. See `psnr` for the arguments.

    Raises:
        DataError: If a side is shorter than the window.
    """
    height, width = truth.shape[1:3]
    if min(height, width) < SSIM_WINDOW:
        raise DataError(
            f"SSIM needs frames of at least {SSIM_WINDOW} pixels a side. Received: {height} x "
            f"{width}. Choose larger frames, or leave 'SSIM' out of `metrics`."
        )
    map_of_windows = tf.image.ssim(
        tf.cast(truth, tf.float32),
        tf.cast(prediction, tf.float32),
        max_val=1.0,
        filter_size=SSIM_WINDOW,
        return_index_map=True,
    ).numpy()
    border = SSIM_WINDOW // 2
    inside = slice(border, -border)
    return _mean_over_pixels(
        map_of_windows.astype(np.float64), moving if moving is None else moving[:, inside, inside]
    )


SCORES = {"PSNR": psnr, "SSIM": ssim, "sharpness": sharpness}


def moving_pixels(frames, before, threshold):
    """Pixels of which some channel differs from the frame before by more than `threshold`.

    Args:
        frames: float `(frames, height, width, channels)`.
        before: The frame before each, likewise.
        threshold: In [0, 1).

    Returns:
        bool `(frames, height, width)`.
    """
    return (np.abs(frames - before) > threshold).any(axis=-1)


def _slope(frames):
    frames = np.asarray(frames, np.float64)
    down = np.abs(np.diff(frames, axis=1))[:, :, 1:]
    across = np.abs(np.diff(frames, axis=2))[:, 1:]
    return down + across


def _mean_over_pixels(values, moving):
    if moving is None:
        return values.mean(axis=(1, 2))
    count = moving.sum(axis=(1, 2))
    total = (values * moving).sum(axis=(1, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _decibels(error):
    """-10 log10, where 0 is the largest value that is told apart."""
    least = 10 ** (-LARGEST_DECIBELS / 10)
    return -10 * np.log10(np.maximum(error, least))
