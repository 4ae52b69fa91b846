"""Tests of the constraints: what each accepts, in which form it is kept, how it reads."""

import fractions
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    AnyOf,
    Boolean,
    Choice,
    Configurable,
    Integer,
    ListOf,
    Optional,
    Real,
    Text,
    check_argument,
)

anything = st.recursive(
    st.integers() | st.floats() | st.text(max_size=5) | st.booleans() | st.none() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)
CONSTRAINTS = (
    Real(),
    Real(0, 1, closed="neither"),
    Integer(0, 9),
    Boolean(),
    Text(),
    Choice("a", 1, True),
    ListOf(Real(0), min_length=1, increasing=True),
    Optional(ListOf(Integer(), length=2)),
    AnyOf(Choice("all"), Integer(1)),
)


@pytest.mark.parametrize(
    ("constraint", "accepted", "refused"),
    [
        (Real(), [0, -1.5, np.float32(2), np.int64(2), fractions.Fraction(1, 2)], ["1", None, 1j]),
        (Real(), [], [math.nan, math.inf, -math.inf, True, np.bool_(True), 10**400]),
        (Real(0, 1), [0, 1, 0.5], [-0.1, 1.1]),
        (Real(0, 1, closed="left"), [0], [1]),
        (Real(0, 1, closed="right"), [1], [0]),
        (Real(0, 1, closed="neither"), [0.5], [0, 1]),
        (Real(high=2), [-1e9, 2], [2.1]),
        (Integer(1, 3), [1, 3, np.int32(2)], [0, 4, 2.0, "2", True, None]),
        (Integer(), [-5, 2**63 - 1, -(2**63)], [2**63, -(2**63) - 1, 10**400]),
        (Boolean(), [True, False], [0, 1, None, "True"]),
        (Text(), ["a"], ["", None, 3, b"a"]),
        (Choice("a", 1), ["a", 1], ["b", True, 1.0, None, []]),
        (ListOf(Integer(0)), [[], (), [1, 2], (1,)], [[-1], [1.5], "12", 1, None, {1}]),
        (ListOf(Integer(), length=2), [[1, 2]], [[1], [1, 2, 3]]),
        (ListOf(Integer(), min_length=2), [[1, 2], [1, 2, 3]], [[], [1]]),
        (ListOf(Real(), increasing=True), [[1, 1, 2], [3]], [[2, 1]]),
        (Optional(Integer(1)), [None, 1], [0, "a"]),
        (AnyOf(Choice("all"), Integer(1)), ["all", 3], ["some", 0]),
    ],
)
def test_accepts_what_the_description_says(constraint, accepted, refused):
    assert [value for value in accepted if not constraint.accepts(value)] == []
    assert [value for value in refused if constraint.accepts(value)] == []


@pytest.mark.parametrize(
    ("constraint", "description"),
    [
        (Real(), "a number"),
        (Real(0), "a number >= 0"),
        (Real(0, closed="right"), "a number > 0"),
        (Real(high=1), "a number <= 1"),
        (Real(high=1, closed="left"), "a number < 1"),
        (Real(0, 1, closed="left", unit="pixels"), "a number in [0, 1) (pixels)"),
        (Integer(1, 3), "an integer in [1, 3]"),
        (Choice("a", 2), "one of 'a', 2"),
        (ListOf(Integer(0)), "a list of values, each an integer >= 0"),
        (ListOf(Real(), length=1), "a list of 1 value, each a number"),
        (
            ListOf(Real(), length=2, increasing=True),
            "a list of 2 non-decreasing values, each a number",
        ),
        (ListOf(Real(), min_length=2), "a list of 2 or more values, each a number"),
        (Optional(Integer(1), "all"), "an integer >= 1, or None (all)"),
        (Optional(Boolean()), "True or False, or None"),
        (AnyOf(Choice("all"), Integer(1)), "one of 'all', or an integer >= 1"),
    ],
)
def test_descriptions_complete_the_words_must_be(constraint, description):
    assert constraint.description == repr(constraint) == description


@pytest.mark.parametrize(
    ("constraint", "value", "kept"),
    [
        (Real(), 1, 1.0),
        (Real(), np.float32(0.5), 0.5),
        (Integer(), np.int64(3), 3),
        (ListOf(Integer()), [np.int8(1), 2], (1, 2)),
        (ListOf(ListOf(Real())), [[1], []], ((1.0,), ())),
        (Optional(Real()), None, None),
        (Optional(Real()), 2, 2.0),
        (AnyOf(Choice("all"), Real()), 2, 2.0),
        (AnyOf(Choice("all"), Real()), "all", "all"),
        (Boolean(), True, True),
    ],
)
def test_values_are_kept_in_plain_form(constraint, value, kept):
    result = check_argument("Thing", "x", value, constraint)

    assert result == kept
    assert type(result) is type(kept)


@given(anything)
def test_a_constraint_accepts_or_refuses_but_never_breaks(value):
    for constraint in CONSTRAINTS:
        try:
            kept = check_argument("Thing", "x", value, constraint)
        except ConfigurationError as error:
            assert constraint.description in str(error)
        else:
            # What was kept can be written to run.json and given again.
            assert constraint.normalise(json.loads(json.dumps(kept))) == kept


def test_a_refusal_names_argument_owner_range_and_value():
    with pytest.raises(ConfigurationError) as caught:
        check_argument("Rotation", "turns", 7, Integer(0, 3))

    assert str(caught.value) == (
        "`turns` of Rotation must be an integer in [0, 3]. Received: turns=7."
    )


@pytest.mark.parametrize(
    "value", [10**5000, [0] * 10_000, "a" * 10_000], ids=["integer", "list", "text"]
)
def test_a_huge_value_does_not_flood_the_message(value):
    with pytest.raises(ConfigurationError) as caught:
        check_argument("Thing", "x", value, Boolean())

    assert len(str(caught.value)) < 300


class Crop(Configurable):
    hyperparameters = {"size": Integer(1), "scales": ListOf(Real(0))}

    def __init__(self, size, *, scales=(1, 2), name=None):
        super().__init__(size=size, scales=scales, name=name)


def test_arguments_become_checked_attributes():
    crop = Crop(np.int64(3), scales=[1])

    assert (crop.size, crop.scales, crop.name) == (3, (1.0,), None)
    with pytest.raises(ConfigurationError, match="`size` of Crop must be an integer >= 1"):
        Crop(0)


def test_the_config_makes_an_equal_object_also_through_json():
    crop = Crop(3, scales=[0.5, 1])
    config = crop.get_config()

    assert config == {"size": 3, "scales": (0.5, 1.0), "name": None}
    assert Crop(**json.loads(json.dumps(config))).get_config() == config


def test_the_representation_is_the_call_that_made_it():
    assert repr(Crop(3)) == "Crop(size=3, scales=(1.0, 2.0), name=None)"
