"""Words on the command line that belong to no flag."""

from sslkeras.errors import ConfigurationError


def refuse_positional(rest, example):
    """Raises `ConfigurationError` if `rest`, what absl left over, is not empty."""
    if rest:
        raise ConfigurationError(
            f"Everything after the command must be a flag. Received: {' '.join(rest)!r}. Write it "
            f"as {example}; quote what has spaces or parentheses."
        )
