"""Canonical correlation analysis: two feature spaces, turned so that pairs agree.

H. Hotelling, "Relations Between Two Sets of Variates", Biometrika 28, 1936; by whitening
and one singular value decomposition (A. Bjorck, G. H. Golub, 1973).
"""

import dataclasses

import numpy as np

from sslkeras.errors import DataError


@dataclasses.dataclass(frozen=True)
class CCA:
    """A fit on pairs.

    Attributes:
        means: Mean of each side's features.
        weights: `(features, components)` of each side.
        correlations: Of the components over the pairs of the fit, decreasing.
    """

    means: tuple
    weights: tuple
    correlations: np.ndarray

    def transform(self, first, second):
        """Both sides in the common space, float64 `(examples, components)` each."""
        return tuple(
            (side - mean) @ weight
            for side, mean, weight in zip((first, second), self.means, self.weights, strict=True)
        )


def fit_cca(first, second, components) -> CCA:
    """Fits on pairs: row i of both sides belongs together.

    Directions in which a side does not vary are left out.

    Args:
        first: `(pairs, features)`.
        second: `(pairs, features of the other side)`.
        components: Size of the common space, at most what both sides span.

    Raises:
        DataError: If a side does not vary at all, or the sides differ in length.
    """
    if len(first) != len(second):
        raise DataError(
            "Both sides of a fit must have the same number of rows. Received: "
            f"{len(first)} and {len(second)}. Check the dataset's reader."
        )
    means, bases, backs = [], [], []
    for side in (first, second):
        side = side.astype(np.float64)
        means.append(side.mean(axis=0))
        left, spread, right = np.linalg.svd(side - means[-1], full_matrices=False)
        # The features came in float32: what is below their rounding is no direction.
        kept = spread > spread.max() * max(side.shape) * np.finfo(np.float32).eps
        if not kept.any():
            raise DataError(
                "Features must vary for a canonical correlation analysis. Received: equal rows. "
                "Look for a collapsed representation."
            )
        bases.append(left[:, kept])
        backs.append(right[kept].T / spread[kept])
    rotate, correlations, other = np.linalg.svd(bases[0].T @ bases[1], full_matrices=False)
    count = min(components, len(correlations))
    weights = (backs[0] @ rotate[:, :count], backs[1] @ other[:count].T)
    return CCA(tuple(means), weights, np.minimum(correlations[:count], 1.0))
