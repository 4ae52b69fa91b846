"""Tables that a metric must survive: ties, single rows, constant columns, far from the origin."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def tables(draw, least_rows=1, most_rows=25, most_columns=5):
    """float32 `(rows, columns)`: small whole numbers, in which rows tie, or real ones."""
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    shape = draw(st.integers(least_rows, most_rows)), draw(st.integers(1, most_columns))
    if draw(st.booleans()):
        rows = generator.integers(-2, 3, shape).astype(np.float64)
    else:
        rows = generator.normal(draw(st.sampled_from([0.0, 100.0])), 1.0, shape)
    if draw(st.booleans()):
        rows[:, 0] = draw(st.sampled_from([0.0, 3.0]))  # A constant column.
    return rows.astype(np.float32)


@st.composite
def classified(draw, least_rows=2, **more):
    """A table and int `(rows,)` in [0, 4), at least two values of which occur."""
    rows = draw(tables(least_rows=least_rows, **more))
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    truth = generator.integers(0, 4, len(rows))
    truth[:2] = generator.permutation(4)[:2]
    return rows, truth
