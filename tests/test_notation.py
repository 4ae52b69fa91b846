"""Tests of `name(key=value)`: what is read, what is refused, what the messages say."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslkeras.errors import ConfigurationError
from sslkeras.notation import Named, bind, parse, suggest

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = numbers | st.text(max_size=20) | st.booleans() | st.none()
literals = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.from_regex(r"[a-z][a-z_0-9]{0,10}_", fullmatch=True)  # "_" keeps keywords out.


def test_a_bare_name_has_no_arguments():
    assert parse("jigsaw") == Named("jigsaw")
    assert parse("  jigsaw() ") == Named("jigsaw")


def test_arguments_are_read_by_position_and_by_name():
    assert parse('image_folder("a b", size=96, flip=True)') == Named(
        "image_folder", ("a b",), {"size": 96, "flip": True}
    )


def test_negative_numbers_lists_and_none_are_literals():
    assert parse("a(x=-1.5e-3, y=[1, (2, None)], z={'k': +1})").kwargs == {
        "x": -0.0015,
        "y": [1, (2, None)],
        "z": {"k": 1},
    }


@given(names, st.lists(literals, max_size=2), st.dictionaries(names, literals, max_size=3))
def test_what_is_written_out_is_read_back(name, args, kwargs):
    named = Named(name, tuple(args), kwargs)

    assert parse(str(named)) == named


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_a_configuration_error(text):
    try:
        assert isinstance(parse(text), Named)
    except ConfigurationError:
        pass


@given(st.text(alphabet="ab(){}[]=,.*:\"'\\ 1-+#\n", max_size=40))
def test_any_text_that_looks_like_the_notation_is_a_name_or_a_configuration_error(text):
    try:
        assert isinstance(parse(text), Named)
    except ConfigurationError:
        pass


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not parse"),
        ("a(", "does not parse"),
        ("a b", "does not parse"),
        ("a\x00", "does not parse"),
        ("a; b", "does not parse"),
        ("x = 1", "does not parse"),
        ("a.b", "neither a name"),
        ("a.b(1)", "neither a name"),
        ("a-b", "neither a name"),
        ("3", "neither a name"),
        ("'a'", "neither a name"),
        ("a(1)(2)", "neither a name"),
        ("lambda: 0", "neither a name"),
        ("None", "neither a name"),
        ("a(x=b)", "bare word"),
        ("a(b)", "bare word"),
        ("a(x=b())", "call"),
        ("a(x=set())", "call"),
        ("a(x=__import__('os').system('true'))", "call"),
        ("a(x='b'.join)", "attribute"),
        ("a(x=1+2)", "sum"),
        ("a(x=1+2j)", "sum"),
        ("a(x=2**9)", "sum"),
        ("a(x=lambda: 0)", "function"),
        ("a(x=...)", "ellipsis"),
        ("a(x=[y for y in (1,)])", "not a literal|bare word"),
        ("a(x=not 1)", "not a literal"),
        ("a(x=1 < 2)", "not a literal"),
        ("a(x=1 if 2 else 3)", "not a literal"),
        ("a(x=f'{1}')", "not a literal"),
        ("a(x={[]: 1})", "not a literal"),
        ("a(x=(y := 1))", "bare word|not a literal"),
        ("a(**{'x': 1})", r"\*\* is not allowed"),
        ("a(*[1])", r"\* is not allowed"),
        ("a(x=1, x=2)", "x is given twice"),
        ("a(x='\ud800')", "does not parse"),
        ("a(x=" + "9" * 5000 + ")", "does not parse"),
        ("a(x=" + "[" * 500 + "]" * 500 + ")", "does not parse"),
        ("a(x=" + "-" * 15_000 + "1)", "does not parse|not a literal"),
        ("a" + ".b" * 9_000, "does not parse|neither"),
        ("a" * 20_001, "at most 20000 characters"),
    ],
)
def test_anything_but_literals_is_refused_with_the_reason(text, reason):
    with pytest.raises(ConfigurationError, match=reason):
        parse(text)


@pytest.mark.parametrize("given", [None, 3, b"a", ["a"], Named("a")])
def test_what_is_no_string_is_refused_with_its_type(given):
    with pytest.raises(ConfigurationError, match=f"not {type(given).__name__}"):
        parse(given)


def test_a_refusal_says_what_must_hold_what_came_and_what_to_do():
    with pytest.raises(ConfigurationError) as caught:
        parse("npz(photos.npz)")

    message = str(caught.value)
    assert message.startswith("A name must be written as name or name(key=value, ...)")
    assert "Received: 'npz(photos.npz)'." in message
    assert message.endswith("Quote strings inside the parentheses.")


def test_a_huge_text_is_cut_in_the_message():
    with pytest.raises(ConfigurationError) as caught:
        parse("a(" * 15_000)

    assert len(str(caught.value)) < 500


def test_an_odd_escape_warns_nobody(recwarn):
    assert parse(r'image_folder("C:\photos")').args == (r"C:\photos",)
    assert not recwarn.list


def test_the_nearest_name_is_suggested():
    assert suggest("rotaton", ["jigsaw", "rotation"]) == " Did you mean 'rotation'?"


def test_two_near_names_are_both_suggested():
    assert suggest("resnet8", ["resnet18", "resnet38", "mlp"]) == (
        " Did you mean 'resnet38' or 'resnet18'?"
    )


def test_case_does_not_hide_a_name():
    assert suggest("lamb", ["LAMB", "Adam"]) == " Did you mean 'LAMB'?"


def test_nothing_is_suggested_for_what_is_far():
    assert suggest("x", ["jigsaw"]) == suggest("x", []) == ""


def ask(factory, text):
    return bind(factory, parse(text), "task")


def rotation(turns, *, angle=90, **ignored):
    return turns, angle, ignored


def test_bind_calls_with_the_arguments():
    assert ask(rotation, "rotation(2, angle=45)") == (2, 45, {})
    assert ask(rotation, "rotation(turns=2)") == (2, 90, {})


def test_bind_leaves_out_what_is_already_bound():
    schedule = functools.partial(lambda run, power=1: (run, power), "the run")

    assert ask(schedule, "polynomial(power=2)") == ("the run", 2)
    with pytest.raises(ConfigurationError, match=r"It takes: power=1\.$"):
        ask(schedule, "polynomial(run=3)")


def test_an_unknown_argument_is_refused_with_the_nearest_and_all_accepted():
    with pytest.raises(ConfigurationError) as caught:
        ask(rotation, "rotation(2, angel=3)")

    assert str(caught.value) == (
        "The arguments of task 'rotation' must be among those it has. Received: angel=3. "
        "Did you mean 'angle'? It takes: turns, angle=90."
    )


def test_a_catch_all_parameter_takes_no_unknown_argument():
    with pytest.raises(ConfigurationError, match="ignored=1"):
        ask(rotation, "rotation(2, ignored=1)")


def test_an_argument_given_by_position_and_name_is_refused():
    with pytest.raises(ConfigurationError, match=r"given once.*rotation\(2, turns=3\)"):
        ask(rotation, "rotation(2, turns=3)")


def test_a_missing_argument_is_named():
    with pytest.raises(
        ConfigurationError, match=r"'rotation' must be given `turns`.*Received: rot"
    ):
        ask(rotation, "rotation(angle=1)")


def test_too_many_positional_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="by name, but for the first 1.*It takes: turns"):
        ask(rotation, "rotation(1, 2)")


def test_keyword_only_arguments_must_be_named():
    def task(*, size=3):
        return size

    with pytest.raises(ConfigurationError, match=r"by name\. Received: task\(4\)"):
        ask(task, "task(4)")


def test_arguments_for_what_has_none_are_refused():
    with pytest.raises(ConfigurationError, match="It takes no arguments"):
        ask(lambda: None, "nothing(x=1)")
