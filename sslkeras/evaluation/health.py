"""Are features fit to be judged: finite, and not all the same?

The effective rank is RankMe: Q. Garrido, R. Balestriero, L. Najman, Y. LeCun, "RankMe:
Assessing the Downstream Performance of Pretrained Self-Supervised Representations by
Their Rank", ICML 2023, https://arxiv.org/abs/2210.02885.
"""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.moments import chunks, moments

# The rank is taken of no more rows than this, evenly over the split: its cost is cubic.
_MOST_ROWS = 2048
_CONSTANT = 1e-6


def finite_rows(features):
    """bool `(rows,)`: those without NaN and infinity."""
    return np.concatenate([np.isfinite(features[part]).all(axis=-1) for part in chunks(features)])


def check_finite(features, owner, split):
    """Refuses features with NaN or infinity.

    Raises:
        DataError: Says in how many rows of which split.
    """
    bad = int((~finite_rows(features)).sum())
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
    """What tells a collapsed or broken representation, by name.

    Returns:
        "feature std" (mean over the features of their standard deviation), "effective rank",
        and "rows not finite": how many have NaN or infinity and are left out of the others.
        Without a finite row the first two are NaN.
    """
    finite = finite_rows(features)
    result = {"feature std": np.nan, "effective rank": np.nan}
    if finite.any():
        kept = features if finite.all() else features[finite]
        result = {
            "feature std": float(moments(kept)[1].mean()),
            "effective rank": effective_rank(kept),
        }
    return {**result, "rows not finite": float((~finite).sum())}


def is_collapsed(features) -> bool:
    """Whether no feature varies over the examples (two or more)."""
    mean, spread = moments(features)
    scale = np.sqrt((mean**2 + spread**2).mean())
    return len(features) > 1 and bool(spread.max() <= _CONSTANT * max(1.0, scale))
