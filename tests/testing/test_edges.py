"""Tests of the edges of constraints, from which the kit makes its arguments."""

import math

import pytest

from sslkeras.hyperparameters import (
    AnyOf,
    Boolean,
    Choice,
    Constraint,
    Integer,
    ListOf,
    Optional,
    Real,
    Text,
)

TINY = 5e-324  # The least positive float.


class Even(Constraint):
    """A constraint of a plugin's own, which says nothing of its edges."""

    description = "an even number"

    def accepts(self, value):
        return type(value) is int and value % 2 == 0


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        (Real(0, 1), (0.0, 1.0, TINY), (-TINY, math.nextafter(1, 2), math.nan, None, "1", True)),
        (Real(0, 1, closed="left"), (0.0, math.nextafter(1, 0)), (-TINY, 1.0)),
        (Real(0, closed="neither"), (TINY,), (0.0, -TINY, math.inf)),
        (Real(), (0.5, -1), (math.inf, math.nan)),
        (Integer(2, 5), (2, 5, 3, 4), (1, 6, 2.5, 5.5, 2**63)),
        (Boolean(), (True,), (0, 1, None)),
        (Text(), ("x",), ("", None, 1)),
        (Choice("a", 3), ("a", 3), ("x", 0, None)),
        (Optional(Integer(1)), (None, 1), (0, 1.5)),
        (AnyOf(Integer(1), Choice("all")), (1, "all"), (0, "x", None)),
        (ListOf(Integer(1), length=2), ((1, 1), (2, 2)), ((1,), (1, 1, 1), (1, 0), "x", None)),
        (ListOf(Real(0, 1), min_length=1), ((0.0,), (1.0,)), ((), (-TINY,), 0.5)),
        (ListOf(Real(0, 1), length=2, increasing=True), ((0.0, 0.0),), ((TINY, 0.0),)),
        (ListOf(ListOf(Integer(0))), ((), ((0,),)), (((-1,),), (0,))),
        (Even(), (0,), (1, True, None, "x")),
    ],
    ids=repr,
)
def test_edges_lie_on_both_sides_of_the_border(constraint, inside, outside):
    accepted, refused = constraint.edges()

    assert all(constraint.accepts(value) for value in accepted)
    assert not any(constraint.accepts(value) for value in refused)
    shown = list(map(repr, accepted)), list(map(repr, refused))
    assert [value for value in inside if repr(value) not in shown[0]] == []
    assert [value for value in outside if repr(value) not in shown[1]] == []
