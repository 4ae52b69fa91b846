"""Tests of taking docstrings apart."""

from sslkeras.commands.docstrings import of_module, split_arguments

DOC = """Does it.

Args:
    size: Width, in pixels;
        at least 1.
    name: A word: any.

Raises:
    ValueError: If not."""


def test_arguments_are_separated_from_the_rest():
    rest, arguments = split_arguments(DOC)

    assert rest == "Does it.\n\nRaises:\n    ValueError: If not."
    assert arguments == {"size": "Width, in pixels; at least 1.", "name": "A word: any."}


def test_a_docstring_without_arguments_stays():
    assert split_arguments("Does it.") == ("Does it.", {})
    assert split_arguments("") == ("", {})


def test_arguments_at_the_end():
    assert split_arguments("It.\n\nArgs:\n    x: One.") == ("It.", {"x": "One."})


def test_the_module_of_a_class_is_described():
    assert of_module(split_arguments).startswith("Takes a docstring apart")
