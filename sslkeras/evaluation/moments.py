"""Mean and deviation of many rows, chunk by chunk, without a copy of them."""

import numpy as np

_CHUNK = 2**21


def chunks(rows):
    """Slices of the rows of a matrix, each with about two million values."""
    size = max(64, _CHUNK // max(1, rows.shape[1]))
    for start in range(0, len(rows), size):
        yield slice(start, min(start + size, len(rows)))


def moments(rows):
    """Mean and standard deviation of each column, in float64.

    Args:
        rows: `(rows, columns)`, one row or more.

    Returns:
        Two float64 `(columns,)`.
    """
    mean, spread, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
    for part in chunks(rows):
        chunk = np.asarray(rows[part], np.float64)
        theirs = chunk.mean(axis=0)
        # Chan's update: differences from the chunk's own mean lose no digits.
        difference, total = theirs - mean, count + len(chunk)
        spread += ((chunk - theirs) ** 2).sum(axis=0)
        spread += difference**2 * (count * len(chunk) / total)
        mean += difference * (len(chunk) / total)
        count = total
    return mean, np.sqrt(spread / count)


class Standardised:
    """Rows less `mean`, divided by `deviation`, computed where they are looked at.

    Args:
        rows: `(rows, columns)`.
        mean: `(columns,)`.
        deviation: `(columns,)`.
    """

    def __init__(self, rows, mean, deviation):
        self._rows, self._mean, self._deviation = rows, mean, deviation
        self.shape = rows.shape

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, index):
        """float64 `(chosen, columns)` for a slice or an array of indices."""
        return (np.asarray(self._rows[index], np.float64) - self._mean) / self._deviation


def standardiser(rows):
    """`rows -> Standardised` with the moments of the given ones; constant columns are centred."""
    mean, deviation = moments(rows)
    deviation = np.where(deviation < 1e-6, 1.0, deviation)
    return lambda others: Standardised(others, mean, deviation)
