"""Chi-square kernel of histograms.

J. Zhang, M. Marszalek, S. Lazebnik, C. Schmid, "Local Features and Kernels for
Classification of Texture and Object Categories", IJCV 2007.
"""

import numpy as np
from sklearn.metrics.pairwise import additive_chi2_kernel


def chi_square(first, second):
    """D = sum of (a - b)^2 / (2 (a + b)), where 0 / 0 is 0.

    Args:
        first: float `(m, bins)`, not negative.
        second: float `(n, bins)`, not negative.

    Returns:
        float64 `(m, n)`.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return -additive_chi2_kernel(first, second) / 2


class ChiSquareKernel:
    """exp(-D / (2 A)) with A the mean D over pairs of different train histograms.

    Args:
        train: float `(examples, bins)`, two or more.

    Attributes:
        scale: A; 1 if all train histograms are equal.
        train: The kernel among the train histograms, `(examples, examples)`.
    """

    def __init__(self, train):
        self._histograms = np.asarray(train, np.float64)
        distances = chi_square(train, train)
        pairs = distances[np.triu_indices(len(distances), 1)]
        self.scale = float(pairs.mean()) or 1.0
        self.train = np.exp(-distances / (2 * self.scale))

    def __call__(self, histograms):
        """Kernel `(m, train examples)` of other histograms `(m, bins)` with those of train."""
        return np.exp(-chi_square(histograms, self._histograms) / (2 * self.scale))
