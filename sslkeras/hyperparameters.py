"""What an argument may be: declared once, used by the check, the message and the docs.

A class that is created by name (a task, a dataset, an encoder, a probe) declares its
arguments beside its constructor:

    class Rotation(Task):
        hyperparameters = {"quarter_turns": ListOf(Integer(0, 3), min_length=2)}

        def __init__(self, *, quarter_turns=(0, 1, 2, 3)):
            super().__init__(quarter_turns=quarter_turns)

`Configurable.__init__` checks each value against its constraint, stores it under its
own name and hands all of them back in `get_config()`.
"""

import abc
import itertools
import math
import numbers
import typing

from sslkeras.errors import ConfigurationError

# What a value of another kind may look like.
_STRANGERS = (None, True, -1, 0, 1, 0.5, math.nan, math.inf, "", "x", "1", (), ("x",), {})


class Edges(typing.NamedTuple):
    """Values on both sides of the border of a constraint.

    Attributes:
        accepted: Values just inside.
        refused: Values just outside, and values of other kinds.
    """

    accepted: tuple
    refused: tuple


class Constraint(abc.ABC):
    """A set of allowed values with a description that completes "must be ..."."""

    description: str

    @abc.abstractmethod
    def accepts(self, value) -> bool:
        """Whether `value` is in the set."""

    def normalise(self, value):
        """`value` in its canonical form, e.g. a list as a tuple. Called after `accepts`."""
        return value

    def candidates(self):
        """Values near the border, on either side; `edges` sorts them."""
        return ()

    def edges(self) -> Edges:
        """Values at the border of the set, from which tests of its users are made."""
        values = [*self.candidates(), *_STRANGERS]
        return Edges(
            accepted=tuple(value for value in values if self.accepts(value)),
            refused=tuple(value for value in values if not self.accepts(value)),
        )

    def __repr__(self):
        return self.description


def _bounds(low, high, closed, unit):
    left = "[" if closed in ("both", "left") else "("
    right = "]" if closed in ("both", "right") else ")"
    if low is None and high is None:
        interval = ""
    elif high is None:
        interval = f" {'>=' if left == '[' else '>'} {low}"
    elif low is None:
        interval = f" {'<=' if right == ']' else '<'} {high}"
    else:
        interval = f" in {left}{low}, {high}{right}"
    return interval + (f" ({unit})" if unit else "")


class Real(Constraint):
    """A finite number between `low` and `high`, each included as `closed` says.

    Args:
        low: Least value, or None for no bound.
        high: Greatest value, or None for no bound.
        closed: Which bounds are allowed values: "both", "left", "right" or "neither".
        unit: Shown in the description, e.g. "pixels".
    """

    def __init__(self, low=None, high=None, *, closed="both", unit=None):
        self.low, self.high, self.closed = low, high, closed
        self.description = "a number" + _bounds(low, high, closed, unit)

    def accepts(self, value):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return False
        try:
            if not math.isfinite(value):
                return False
        except OverflowError:  # An integer that no float holds.
            return False
        if self.low is not None:
            above = value >= self.low if self.closed in ("both", "left") else value > self.low
            if not above:
                return False
        if self.high is not None:
            return value <= self.high if self.closed in ("both", "right") else value < self.high
        return True

    def normalise(self, value):
        return float(value)

    def candidates(self):
        for bound in (self.low, self.high):
            if bound is not None:
                below, above = (math.nextafter(bound, to) for to in (-math.inf, math.inf))
                yield from (below, float(bound), above)


class Integer(Real):
    """A whole number from `low` to `high`, both included."""

    def __init__(self, low=None, high=None, *, unit=None):
        super().__init__(low, high, unit=unit)
        self.description = "an integer" + _bounds(low, high, "both", unit)

    def accepts(self, value):
        # No tensor holds more than 64 bits.
        return (
            isinstance(value, numbers.Integral)
            and -(2**63) <= value < 2**63
            and super().accepts(value)
        )

    def normalise(self, value):
        return int(value)

    def candidates(self):
        for bound in (self.low, self.high):
            if bound is not None:
                yield from (bound - 1, bound, bound + 0.5, bound + 1)
        yield 2**63


class Boolean(Constraint):
    """True or False."""

    description = "True or False"

    def accepts(self, value):
        return isinstance(value, bool)


class Text(Constraint):
    """A non-empty string; `meaning` says of what, e.g. "a path"."""

    def __init__(self, meaning="a non-empty string"):
        self.description = meaning

    def accepts(self, value):
        return isinstance(value, str) and bool(value)


class Choice(Constraint):
    """Exactly one of the given values."""

    def __init__(self, *values):
        self.values = values
        self.description = "one of " + ", ".join(repr(value) for value in values)

    def accepts(self, value):
        # 1 == True in Python, so the type counts as well.
        return any(type(value) is type(known) and value == known for known in self.values)

    def candidates(self):
        return self.values


class ListOf(Constraint):
    """A list or tuple of values that each satisfy `item`; stored as a tuple."""

    def __init__(self, item, *, length=None, min_length=0, increasing=False):
        self.item, self.length, self.min_length = item, length, min_length
        self.increasing = increasing
        if length is not None:
            count = f"{length} "
        elif min_length:
            count = f"{min_length} or more "
        else:
            count = ""
        order = "non-decreasing " if increasing else ""
        noun = "value" if length == 1 else "values"
        self.description = f"a list of {count}{order}{noun}, each {item.description}"

    def accepts(self, value):
        if not isinstance(value, (list, tuple)) or len(value) < self.min_length:
            return False
        if self.length is not None and len(value) != self.length:
            return False
        if not all(self.item.accepts(item) for item in value):
            return False
        return not self.increasing or all(a <= b for a, b in itertools.pairwise(value))

    def normalise(self, value):
        return tuple(self.item.normalise(item) for item in value)

    def candidates(self):
        inside, outside = self.item.edges()
        least = self.min_length if self.length is None else self.length
        for one in inside:
            yield (one,) * max(least, 1)
        if inside:
            yield from ((inside[0],) * length for length in {least - 1, least + 1} if length >= 0)
            rest = (inside[0],) * (max(least, 1) - 1)
            yield from ((*rest, one) for one in outside)
        if self.increasing:
            # Of numbers in falling order only the order is wrong.
            pairs = ((a, b) for a, b in itertools.permutations(inside, 2) if a > b)
            yield from ((a,) + (b,) * (max(least, 2) - 1) for a, b in itertools.islice(pairs, 1))


class Optional(Constraint):
    """None, or what `constraint` allows; `none_means` says what None stands for."""

    def __init__(self, constraint, none_means=None):
        self.constraint = constraint
        meaning = f" ({none_means})" if none_means else ""
        self.description = f"{constraint.description}, or None{meaning}"

    def accepts(self, value):
        return value is None or self.constraint.accepts(value)

    def normalise(self, value):
        return None if value is None else self.constraint.normalise(value)

    def candidates(self):
        return self.constraint.candidates()


class AnyOf(Constraint):
    """What at least one of the given constraints allows."""

    def __init__(self, *constraints):
        self.constraints = constraints
        self.description = ", or ".join(constraint.description for constraint in constraints)

    def accepts(self, value):
        return any(constraint.accepts(value) for constraint in self.constraints)

    def normalise(self, value):
        fitting = next(c for c in self.constraints if c.accepts(value))
        return fitting.normalise(value)

    def candidates(self):
        return itertools.chain.from_iterable(c.candidates() for c in self.constraints)


def check_argument(owner, name, value, constraint):
    """Returns `value` in canonical form.

    Raises:
        ConfigurationError: If `constraint` does not accept `value`.
    """
    if not constraint.accepts(value):
        raise ConfigurationError(
            f"`{name}` of {owner} must be {constraint.description}. "
            f"Received: {name}={_brief(value)}."
        )
    return constraint.normalise(value)


def _brief(value, longest=200):
    """`repr(value)`, cut where a message would become unreadable."""
    try:
        shown = repr(value)
    except ValueError:  # An integer of more digits than Python writes out.
        shown = f"an {type(value).__name__} too large to print"
    return shown if len(shown) <= longest else shown[:longest] + "..."


class Configurable:
    """An object that is nothing but its checked constructor arguments.

    Subclasses declare `hyperparameters`, take them as constructor arguments and pass
    all of them to `super().__init__`. Checks that need several arguments at once
    follow after that call.
    """

    hyperparameters: dict = {}

    def __init__(self, **arguments):
        owner = type(self).__name__
        for name, constraint in self.hyperparameters.items():
            if name in arguments:
                arguments[name] = check_argument(owner, name, arguments[name], constraint)
        for name, value in arguments.items():
            setattr(self, name, value)
        self._argument_names = tuple(arguments)

    def get_config(self) -> dict:
        """The constructor arguments: `type(self)(**config)` makes an equal object."""
        return {name: getattr(self, name) for name in self._argument_names}

    def __repr__(self):
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
