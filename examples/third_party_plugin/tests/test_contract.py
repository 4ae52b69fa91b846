"""The contract of a task, as sslkeras checks it."""

from sslkeras.testing import Subject, parametrize_with_checks


@parametrize_with_checks([Subject("rotation")])
def test_contract(check):
    check()
