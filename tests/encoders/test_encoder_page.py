"""Tests that docs/encoders.md says of each bundled encoder what is true."""

import math
import pathlib
import re

import pytest

import sslkeras
from sslkeras.registry import encoders

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "encoders.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def sizes(cell):
    """The numbers of "image 224 x 224 x 3"."""
    return tuple(int(number) for number in re.search(r"\d[\d x]*$", cell).group().split(" x "))


def test_all_bundled_encoders_have_a_row():
    named = [row[0].strip("`").partition("(")[0] for row in ROWS]

    bundled = [name for name in encoders.names() if encoders.entry(name).distribution == "sslkeras"]

    assert sorted(named) == sorted(bundled)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("`").partition("(")[0])
def test_a_row_tells_the_sizes_and_the_number_of_weights(row):
    name, takes, gives, weights, _ = row

    trunk = sslkeras.encoders.create(name.strip("`"))(sizes(takes))

    assert trunk.output_shape[1:] == sizes(gives)
    assert sum(math.prod(one.shape) for one in trunk.weights) == int(weights.replace(",", ""))
