"""One notation for everything that has a name: `name` or `name(key=value, ...)`.

The values are Python literals. They are parsed, never evaluated: a name, a call, an
attribute or an operator inside the parentheses is an error.
"""

import ast
import dataclasses
import difflib
import inspect

from sslkeras.errors import ConfigurationError

_LONGEST = 20_000


@dataclasses.dataclass(frozen=True)
class Named:
    """A parsed `name(...)`: the name, the positional and the keyword arguments."""

    name: str
    args: tuple = ()
    kwargs: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        arguments = [repr(value) for value in self.args]
        arguments += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{self.name}({', '.join(arguments)})" if arguments else self.name


def parse(text: str) -> Named:
    """Parses `name` or `name(key=value, ...)`.

    Raises:
        ConfigurationError: If `text` is anything else.
    """

    def refuse(reason):
        shown = text if len(str(text)) <= 200 else str(text)[:200] + "..."
        return ConfigurationError(
            "A name must be written as name or name(key=value, ...), the values being Python "
            f"literals ({reason}). Received: {shown!r}. Quote strings inside the parentheses."
        )

    if not isinstance(text, str):
        raise refuse(f"a string is needed, not {type(text).__name__}")
    if len(text) > _LONGEST:
        raise refuse(f"at most {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refuse("this does not parse") from error
    if isinstance(tree, ast.Name):
        return Named(tree.id)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise refuse("this is something else")
    kwargs = {}
    try:
        args = tuple(_literal(node) for node in tree.args)
        for keyword in tree.keywords:
            if keyword.arg is None:
                raise ValueError("** is not allowed")
            kwargs[keyword.arg] = _literal(keyword.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise refuse("a value is not a literal") from error
    return Named(tree.func.id, args, kwargs)


def _literal(node):
    if isinstance(node, ast.Starred):
        raise ValueError("* is not allowed")
    return ast.literal_eval(node)


def suggest(name, known):
    """" Did you mean 'x'?" for the nearest of `known`, or the empty string."""
    near = difflib.get_close_matches(str(name), list(known), n=2, cutoff=0.6)
    if not near:
        return ""
    return " Did you mean " + " or ".join(repr(match) for match in near) + "?"


def bind(factory, named: Named, noun: str, skip=0):
    """Calls `factory` with the arguments of `named`.

    Args:
        factory: A class or function.
        named: What was asked for.
        noun: What it is, for messages, e.g. "task".
        skip: How many leading parameters of `factory` are not the caller's to give.

    Raises:
        ConfigurationError: If an argument is unknown, given twice or missing; the message
            lists the accepted ones with their defaults.
    """
    parameters = [
        parameter
        for parameter in list(inspect.signature(factory).parameters.values())[skip:]
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    accepted = ", ".join(
        parameter.name
        if parameter.default is parameter.empty
        else f"{parameter.name}={parameter.default!r}"
        for parameter in parameters
    )
    takes = f"It takes: {accepted}." if accepted else "It takes no arguments."
    names = [parameter.name for parameter in parameters]
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    if len(named.args) > len(positional):
        raise ConfigurationError(
            f"The arguments of {noun} '{named.name}' must be given by name. Received: {named}. "
            + takes
        )
    arguments = dict(zip(positional, named.args))
    for key, value in named.kwargs.items():
        if key not in names:
            raise ConfigurationError(
                f"The arguments of {noun} '{named.name}' must be among those it has. Received: "
                f"{key}={value!r}.{suggest(key, names)} {takes}"
            )
        if key in arguments:
            raise ConfigurationError(
                f"Each argument of {noun} '{named.name}' must be given once. Received: {named}. "
                + takes
            )
        arguments[key] = value
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in arguments]
    if missing:
        raise ConfigurationError(
            f"{noun.capitalize()} '{named.name}' needs `{missing[0]}`. Received: {named}. {takes}"
        )
    return factory(**arguments)
