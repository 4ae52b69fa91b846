"""What the house says while it works: plain lines on standard error."""

import sys


def say(message: str):
    """Prints one line for the user."""
    print(message, file=sys.stderr, flush=True)


def warn(message: str):
    """Prints one line the user should act on or know of."""
    say(f"warning: {message}")
