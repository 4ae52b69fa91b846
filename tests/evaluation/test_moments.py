"""Tests of sslkeras.evaluation.moments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from sslkeras.evaluation import moments as module
from sslkeras.evaluation.moments import chunks, moments, standardiser
from tests.evaluation.tables import tables


@pytest.fixture(scope="module", params=[2**21, 1], ids=["whole", "chunks"])
def chunk_size(request):
    """All rows in one chunk, or 64 rows a chunk, the fewest."""
    before = module._CHUNK
    module._CHUNK = request.param
    yield request.param
    module._CHUNK = before


@settings(max_examples=40, deadline=None)
@given(rows=tables(most_rows=300))
def test_moments_and_standardised_rows_agree_with_scikit_learn(chunk_size, rows):
    scaler = StandardScaler().fit(rows.astype(np.float64))

    mean, deviation = moments(rows)

    np.testing.assert_allclose(mean, scaler.mean_, atol=1e-12)
    np.testing.assert_allclose(deviation, np.sqrt(scaler.var_), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        standardiser(rows)(rows)[:], scaler.transform(rows.astype(np.float64)), atol=1e-9
    )


def test_digits_are_kept_far_from_the_origin():
    rows = np.array([[1e8], [1e8 + 8], [1e8 + 16]], np.float32)  # The steps of float32 are 8.

    assert moments(rows)[1][0] == pytest.approx(8 * np.sqrt(2 / 3))


@given(st.integers(0, 10**6), st.integers(1, 10**5))
def test_chunks_cover_every_row_once(count, columns):
    parts = list(chunks(np.broadcast_to(np.float32(0), (count, columns))))

    assert [part.start for part in parts] == [0, *(part.stop for part in parts)][: len(parts)]
    assert (parts[-1].stop if parts else 0) == count
