"""Are features fit to be judged: finite, and not all the same?

The effective rank is RankMe: Q. Garrido, R. Balestriero, L. Najman, Y. LeCun, "RankMe:
Assessing the Downstream Performance of Pretrained Self-Supervised Representations by
Their Rank", ICML 2023, https://arxiv.org/abs/2210.02885.
"""

import numpy as np

from sslkeras.errors import DataError

# The rank is taken of no more rows than this, evenly over the split: its cost is cubic.
_MOST_ROWS = 2048
_CONSTANT = 1e-6


def check_finite(features, owner, split):
    """Refuses features with NaN or infinity.

    Raises:
        DataError: Says in how many rows of which split.
    """
    bad = len(features) - int(np.isfinite(features).all(axis=-1).sum())
    if bad:
        raise DataError(
            f"Features must be finite. Received: NaN or infinity in {bad} of {len(features)} rows "
            f"({owner}, {split} split). Look for a diverged training or for examples with NaN."
        )


def effective_rank(features) -> float:
    """exp(entropy) of the singular values divided by their sum.

    1 if all rows lie on one line through the origin, at most the number of features.
    """
    step = -(-len(features) // _MOST_ROWS)
    rows = features[::step].astype(np.float64)
    if rows.shape[0] < rows.shape[1]:
        rows = rows.T
    singular = np.sqrt(np.clip(np.linalg.eigvalsh(rows.T @ rows), 0.0, None))
    if singular.sum() == 0.0:
        return 0.0
    share = singular / singular.sum()
    share = share[share > 0.0]
    return float(np.exp(-(share * np.log(share)).sum()))


def health(features) -> dict:
    """What tells a collapsed representation, by name.

    Returns:
        "feature std" (mean over the features of their standard deviation) and "effective
        rank".
    """
    return {
        "feature std": float(features.std(axis=0, dtype=np.float64).mean()),
        "effective rank": effective_rank(features),
    }


def is_collapsed(features) -> bool:
    """Whether no feature varies over the examples (two or more)."""
    spread = features.std(axis=0, dtype=np.float64)
    scale = np.abs(features).mean(dtype=np.float64)
    return len(features) > 1 and bool(spread.max() <= _CONSTANT * max(1.0, scale))
