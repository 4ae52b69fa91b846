"""All checks of the contract, and two ways to run them."""

import functools
import inspect
import sys
import time

from sslkeras.errors import ConfigurationError
from sslkeras.testing.broken_contract import BrokenContractError, NotApplicableError
from sslkeras.testing.computing import (
    check_graph_equals_eager,
    check_mixed_precision,
    check_xla_equals_eager,
)
from sslkeras.testing.configuration import (
    check_config_round_trip,
    check_hyperparameters_are_checked,
)
from sslkeras.testing.drawing import check_pictures_render
from sslkeras.testing.evaluating import check_evaluation_changes_nothing
from sslkeras.testing.fitting import check_model_fit_trains
from sslkeras.testing.learning import (
    check_loss_and_gradients,
    check_loss_falls,
    check_loss_is_a_mean,
)
from sslkeras.testing.pretexts import check_pretext_is_pure, check_pretext_runs_anywhere
from sslkeras.testing.reading import check_least_sizes_suffice, check_reads_are_enforced
from sslkeras.testing.replicas import check_two_replicas_equal_one
from sslkeras.testing.resuming import check_resumed_run_equals_uninterrupted
from sslkeras.testing.saving import (
    check_rebuilt_model_answers_alike,
    check_saved_model_answers_alike,
)
from sslkeras.testing.subject import Subject
from sslkeras.testing.withholding import check_targets_are_withheld

CHECKS = {
    check.__name__.removeprefix("check_"): check
    for check in (
        check_config_round_trip,
        check_hyperparameters_are_checked,
        check_reads_are_enforced,
        check_least_sizes_suffice,
        check_pretext_is_pure,
        check_pretext_runs_anywhere,
        check_targets_are_withheld,
        check_loss_and_gradients,
        check_loss_is_a_mean,
        check_loss_falls,
        check_graph_equals_eager,
        check_xla_equals_eager,
        check_mixed_precision,
        check_saved_model_answers_alike,
        check_rebuilt_model_answers_alike,
        check_resumed_run_equals_uninterrupted,
        check_two_replicas_equal_one,
        check_evaluation_changes_nothing,
        check_model_fit_trains,
        check_pictures_render,
    )
}


def run_check(name: str, subject: Subject):
    """Runs one check.

    Args:
        name: A key of `CHECKS`.
        subject: The `Subject`.

    Raises:
        BrokenContractError: If the task breaks that part of the contract, or fails in it.
        NotApplicableError: If there is nothing to check, or the subject skips this.
    """
    if name in subject.skip:
        raise NotApplicableError(f"Skipped: {subject.skip[name]}")
    about = inspect.getdoc(CHECKS[name]).splitlines()[0]
    try:
        CHECKS[name](subject)
    except NotApplicableError:
        raise
    except BrokenContractError as error:
        raise BrokenContractError(
            f"Task '{subject.name}' breaks its contract ({name}). {error}"
        ) from error.__cause__
    except Exception as error:
        raise BrokenContractError(
            f"Task '{subject.name}' fails in the check {name}. {about} Seen: "
            f"{type(error).__name__}: {error}. Mend what the traceback above shows."
        ) from error


def check_task(task, *, only=None, verbose=True, **arguments) -> dict:
    """Runs all checks of the contract on a task and tells of all that fail.

    Args:
        task: Name, `name(key=value)`, a `Task` or a `Subject`, in a small configuration.
        only: Names of some of `CHECKS`; None for all.
        verbose: Whether to print a line for each check.
        **arguments: See `Subject`: `dataset`, `encoder`, `batch_size`, `fixed`,
            `random_model`, `skip`.

    Returns:
        Name of the check to the seconds it took, or to the reason why it was left out.

    Raises:
        BrokenContractError: If the task breaks its contract; the message has all breaks.
    """
    subject = task if isinstance(task, Subject) else Subject(task, **arguments)
    names = _known(CHECKS if only is None else only)
    _known(subject.skip)
    results, broken = {}, []
    for name in names:
        began = time.perf_counter()
        try:
            run_check(name, subject)
            results[name] = time.perf_counter() - began
        except NotApplicableError as reason:
            results[name] = str(reason)
        except BrokenContractError as error:
            broken.append(error)
            results[name] = "broken"
        if verbose:
            _print(name, results[name])
    if broken:
        raise BrokenContractError("\n".join(map(str, broken))) from broken[0].__cause__
    return results


def parametrize_with_checks(subjects):
    """A pytest decorator: one test for each subject and check, with an id that names both.

        @parametrize_with_checks([Subject("rotation"), Subject(Rotation(quarter_turns=(0, 2)))])
        def test_contract(check):
            check()

    Args:
        subjects: `Subject` objects; names and tasks are made ones.
    """
    import pytest

    cases = []
    for given in subjects:
        subject = given if isinstance(given, Subject) else Subject(given)
        _known(subject.skip)
        cases += [
            pytest.param(functools.partial(_run_in_pytest, name, subject), id=f"{subject}-{name}")
            for name in CHECKS
        ]
    return pytest.mark.parametrize("check", cases)


def _run_in_pytest(name, subject):
    import pytest

    try:
        run_check(name, subject)
    except NotApplicableError as reason:
        pytest.skip(str(reason))


def _known(names):
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in CHECKS:
            raise ConfigurationError(
                f"A check must be one that exists. Received: {name!r}. There are: "
                f"{', '.join(CHECKS)}."
            )
    return names


def _print(name, result):
    shown = f"{result:5.1f} s" if isinstance(result, float) else f"      - {result}"
    print(f"{name:40s} {shown}", file=sys.stderr, flush=True)
