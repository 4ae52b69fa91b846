"""What a check raises: the contract is broken, or the check has nothing to look at."""


class BrokenContractError(AssertionError):
    """A task breaks its contract. The message says what must hold, what was seen, what to do."""


class NotApplicableError(Exception):
    """A check has nothing to look at in this task; the message says why."""


def require(holds, rule: str, seen, remedy: str):
    """Raises `BrokenContractError` unless `holds`.

    Args:
        holds: Whether the contract is kept.
        rule: What must hold, a sentence.
        seen: What was seen instead; text, or a function that makes it.
        remedy: What to do, a sentence.
    """
    if not holds:
        seen = seen() if callable(seen) else seen
        raise BrokenContractError(f"{rule} Seen: {seen}. {remedy}")
