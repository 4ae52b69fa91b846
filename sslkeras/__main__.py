"""`python -m sslkeras` is the command `sslkeras`."""

from sslkeras.commands.main import run

run()
