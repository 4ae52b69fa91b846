"""Mutual information of codes and factors, and the gap between the best two codes.

R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud, "Isolating Sources of Disentanglement in
Variational Autoencoders", NeurIPS 2018, https://arxiv.org/abs/1802.04942; codes in equally
wide bins as in F. Locatello et al., "Challenging Common Assumptions", ICML 2019.
"""

import numpy as np


def binned(values, bins=20):
    """int bin of each value, `bins` of equal width from the least to the greatest of a column.

    Args:
        values: `(examples, codes)`; a constant column lies in one bin.
        bins: Number of bins.
    """
    values = np.asarray(values, np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    return np.minimum(((values - low) / width * bins).astype(np.int64), bins - 1)


def mutual_information(codes, factor) -> np.ndarray:
    """Mutual information in nats of each code with a factor.

    Args:
        codes: int `(examples, codes)`, small and >= 0.
        factor: int `(examples,)`, small and >= 0.

    Returns:
        float64 `(codes,)`.
    """
    levels, values = int(codes.max()) + 1, int(factor.max()) + 1
    cells = (np.arange(codes.shape[1]) * levels + codes) * values + factor[:, np.newaxis]
    counts = np.bincount(cells.ravel(), minlength=codes.shape[1] * levels * values)
    joint = counts.reshape(codes.shape[1], levels, values) / len(factor)
    apart = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum(axis=(1, 2))


def entropy(factor) -> float:
    """Entropy of a discrete factor in nats."""
    share = np.bincount(factor) / len(factor)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def mutual_information_gap(information, entropies) -> float:
    """Mean over factors of (largest - second) / entropy.

    Args:
        information: `(factors, codes)`, two codes or more.
        entropies: Of the factors, > 0.
    """
    second, first = np.sort(information, axis=1)[:, -2:].T
    return float(((first - second) / np.asarray(entropies)).mean())
