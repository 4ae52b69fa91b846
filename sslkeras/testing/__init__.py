"""The contract of a task as checks that any author of a plugin can run."""

from sslkeras.testing.broken_contract import BrokenContractError, NotApplicableError
from sslkeras.testing.checks import CHECKS, check_task, parametrize_with_checks, run_check
from sslkeras.testing.subject import Subject

__all__ = [
    "CHECKS",
    "BrokenContractError",
    "NotApplicableError",
    "Subject",
    "check_task",
    "parametrize_with_checks",
    "run_check",
]
