"""Writes the flag tables of docs/commands.md from the tables that declare the flags.

Run `python -m sslkeras.commands.reference docs/commands.md` after a flag has changed.
"""

import pathlib
import re
import sys

from sslkeras.commands import flag_table
from sslkeras.commands.main import COMMANDS, flags_of

_BLOCK = re.compile(r"(<!-- flags of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(command: str) -> str:
    """The flags of one command as a Markdown table."""
    lines = ["| Flag | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    for setting in flags_of(command):
        cells = (
            f"`{flag_table.spelling(setting)}`",
            flag_table.allowed(setting),
            f"`{flag_table.default(setting)}`",
            setting.help,
        )
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """`page` with fresh text between each `<!-- flags of COMMAND -->` and `<!-- end -->`."""
    return _BLOCK.sub(lambda block: block[1] + table(block[2]) + block[3], page)


def missing(page: str) -> set[str]:
    """The commands that have no table in `page`."""
    return set(COMMANDS) - {block[2] for block in _BLOCK.finditer(page)}


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
