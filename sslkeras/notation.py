"""One notation for everything that has a name: `name` or `name(key=value, ...)`.

The values are Python literals. They are parsed, never evaluated: a name, a call, an
attribute or an operator inside the parentheses is an error.
"""

import ast
import dataclasses
import difflib
import inspect
import warnings

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
        with warnings.catch_warnings():
            # "C:\photos" is a string with an odd escape, not a programmer's mistake.
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refuse("this does not parse") from error
    if isinstance(tree, ast.Name):
        return Named(tree.id)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise refuse("this is neither a name nor a name with arguments")
    kwargs = {}
    try:
        args = tuple(_literal(node) for node in tree.args)
        for keyword in tree.keywords:
            if keyword.arg is None:
                raise _NoLiteral("** is not allowed")
            if keyword.arg in kwargs:
                raise _NoLiteral(f"{keyword.arg} is given twice")
            kwargs[keyword.arg] = _literal(keyword.value)
    except _NoLiteral as error:
        raise refuse(str(error)) from error
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise refuse("a value is not a literal") from error
    return Named(tree.func.id, args, kwargs)


class _NoLiteral(ValueError):
    """Why an argument is refused."""


# `ast.literal_eval` also takes the call `set()`, the sum `1+2j` and the ellipsis.
_REFUSED = {
    ast.Starred: "* is not allowed",
    ast.Call: "a value is a call",
    ast.BinOp: "a value is a sum",
    ast.Name: "a value is a bare word",
    ast.Attribute: "a value is an attribute",
    ast.Lambda: "a value is a function",
}


def _literal(node):
    for part in ast.walk(node):
        reason = _REFUSED.get(type(part))
        if isinstance(part, ast.Constant) and part.value is ...:
            reason = "a value is an ellipsis"
        if reason:
            raise _NoLiteral(reason)
    return ast.literal_eval(node)


def suggest(name, known):
    """Asks, after a blank, whether the nearest of `known` was meant; "" if none is near."""
    # Of very long names the beginning tells enough, and comparing takes quadratic time.
    wanted = str(name)[:100].casefold()
    spelling = {str(one).casefold(): one for one in known}
    near = difflib.get_close_matches(wanted, list(spelling), n=2, cutoff=0.6)
    if not near:
        return ""
    return " Did you mean " + " or ".join(repr(spelling[match]) for match in near) + "?"


def bind(factory, named: Named, noun: str):
    """Calls `factory` with the arguments of `named`.

    Args:
        factory: A class or function.
        named: What was asked for.
        noun: What it is, for messages, e.g. "task".

    Raises:
        ConfigurationError: If an argument is unknown, given twice or missing; the message
            lists the accepted ones with their defaults.
    """
    parameters = [
        parameter
        for parameter in inspect.signature(factory).parameters.values()
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
        but = f", but for the first {len(positional)}" if positional else ""
        raise ConfigurationError(
            f"The arguments of {noun} '{named.name}' must be given by name{but}. Received: "
            f"{named}. {takes}"
        )
    arguments = dict(zip(positional, named.args, strict=False))
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
            f"{noun.capitalize()} '{named.name}' must be given `{missing[0]}`. "
            f"Received: {named}. {takes}"
        )
    return factory(**arguments)
