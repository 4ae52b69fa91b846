"""A task is nothing but its checked arguments."""

import inspect
import json

from sslkeras import registry
from sslkeras.errors import ConfigurationError, SslkerasError
from sslkeras.testing.broken_contract import NotApplicableError, require


def check_config_round_trip(subject):
    """Its configuration, as JSON or by name, makes an equal task."""
    task = subject.task
    config = task.get_config()
    missing = [name for name in _arguments(task) if name not in config]
    require(
        not missing,
        "`get_config()` must give every constructor argument.",
        f"{', '.join(missing)} missing",
        "Pass all arguments to `super().__init__()`, or add them in `get_config()`.",
    )
    try:
        text = json.dumps(config)
    except (TypeError, ValueError) as error:
        require(
            False,
            "`get_config()` must hold only what JSON can: run.json keeps it.",
            error,
            "Take names, numbers, truth values, None and lists of them as arguments.",
        )
    _require_equal(task, type(task)(**config), "type(task)(**task.get_config())")
    _require_equal(task, type(task)(**json.loads(text)), "the same after JSON")
    name = _registered_name(task)
    if name is not None:
        _require_equal(task, registry.tasks.rebuild(name, json.loads(text)), "the registry")
        notation = ", ".join(f"{key}={value!r}" for key, value in config.items())
        _require_equal(task, registry.tasks.create(f"{name}({notation})"), "its notation")


def check_hyperparameters_are_checked(subject):
    """Every argument is declared, and values beyond the edges of what it declares are refused."""
    task = subject.task
    declared, config = task.hyperparameters, task.get_config()
    undeclared = [name for name in _arguments(task) if name not in declared]
    require(
        not undeclared,
        "Each constructor argument must be declared in `hyperparameters`.",
        f"{', '.join(undeclared)} not declared",
        "Add a constraint from sslkeras.hyperparameters for each.",
    )
    if not declared:
        raise NotApplicableError("The task has no arguments.")
    for name, constraint in declared.items():
        accepted, refused = constraint.edges()
        for value in refused:
            _require_refused(task, config, name, value, constraint)
        for value in accepted:
            _require_kept(task, config, name, value, constraint)


def _require_refused(task, config, name, value, constraint):
    rule = f"`{name}` must be {constraint.description}, and other values refused at once."
    remedy = "Pass the argument to `super().__init__()`, which checks it."
    try:
        type(task)(**{**config, name: value})
    except ConfigurationError as error:
        require(
            name in str(error),
            "A refusal must name the argument.",
            f"{name}={value!r} answered by {str(error)!r}",
            "Name it in backticks, with the rule and what was received.",
        )
    except Exception as error:
        require(False, rule, f"{name}={value!r} raised {type(error).__name__}: {error}", remedy)
    else:
        require(False, rule, f"{name}={value!r} accepted", remedy)


def _require_kept(task, config, name, value, constraint):
    try:
        made = type(task)(**{**config, name: value})
    except SslkerasError:
        return  # It does not go with another argument, or names a file that is not there.
    except Exception as error:
        require(
            False,
            "A value that `hyperparameters` allows must be taken, or refused by one of "
            "sslkeras.errors.",
            f"{name}={value!r} raised {type(error).__name__}: {error}",
            "Narrow the constraint, or raise ConfigurationError where arguments do not fit.",
        )
    kept = made.get_config().get(name)
    require(
        kept == constraint.normalise(value),
        "`get_config()` must give back the arguments that the task was made with.",
        f"{name}={kept!r} after {name}={value!r}",
        "Store arguments as they came; derive other values under other names.",
    )


def _require_equal(task, other, how):
    ours, theirs = task.get_config(), other.get_config()
    require(
        type(other) is type(task) and ours == theirs,
        f"A task made from its configuration must be an equal one ({how}).",
        lambda: (
            ", ".join(
                f"{key}={theirs.get(key)!r} instead of {ours[key]!r}"
                for key in ours
                if theirs.get(key) != ours[key]
            )
            or f"a {type(other).__name__}"
        ),
        "`get_config()` must give the arguments as the constructor takes them.",
    )


def _arguments(task):
    """Names of the constructor's arguments."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(type(task)).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind in kinds]


def _registered_name(task):
    """Under which name the task's class is installed, or None."""
    if hasattr(task, "registered_name"):
        return task.registered_name
    place = (type(task).__module__, type(task).__qualname__)
    names = [e.name for e in registry.tasks.entries() if (e.module, e.attribute) == place]
    return names[0] if names else None
