"""Optical flow against the true one: end-point error and share of outliers."""

import dataclasses

import numpy as np
import tensorflow as tf

OUTLIER_PIXELS = 3.0
OUTLIER_SHARE = 0.05  # Of the length of the true flow.


def rescale_flow(flow, size):
    """Flow in the pixels of another resolution.

    Args:
        flow: float `(batch, height, width, 2)`, (u, v): columns to the right, rows down.
        size: Height and width wanted.

    Returns:
        float32 `(batch, *size, 2)`, resized bilinearly, u and v scaled like the sides.
    """
    height, width = flow.shape[1:3]
    if (height, width) == tuple(size):
        return np.asarray(flow, np.float32)
    factors = np.array([size[1] / width, size[0] / height], np.float32)
    return tf.image.resize(flow, size, method="bilinear").numpy() * factors


@dataclasses.dataclass
class FlowScores:
    """Sums over pixels; averages are taken once, at the end.

    Attributes:
        error: Sum of the lengths of the differences.
        outliers: Pixels off by more than 3 pixels and by more than 5% of the true length.
        count: Pixels.
    """

    error: float = 0.0
    outliers: int = 0
    count: int = 0

    def add(self, truth, prediction, counted):
        """Adds pixels.

        Args:
            truth: float `(..., 2)`; anything where it does not count.
            prediction: float `(..., 2)`.
            counted: bool `(...)`.
        """
        truth, prediction = truth[counted].astype(np.float64), prediction[counted]
        error = np.linalg.norm(prediction - truth, axis=-1)
        length = np.linalg.norm(truth, axis=-1)
        self.error += float(error.sum())
        self.outliers += int(((error > OUTLIER_PIXELS) & (error > OUTLIER_SHARE * length)).sum())
        self.count += len(error)

    def metrics(self) -> dict:
        """ "EPE", the mean error in pixels, and "Fl-all", the share of outliers."""
        return {"EPE": self.error / self.count, "Fl-all": self.outliers / self.count}
