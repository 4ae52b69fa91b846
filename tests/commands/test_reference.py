"""Tests that docs/commands.md says what the commands do."""

import pathlib

from sslkeras.commands import flag_table, reference
from sslkeras.training.settings import SETTINGS

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def test_the_page_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")

    assert page == reference.updated(page), (
        "Run: python -m sslkeras.commands.reference docs/commands.md"
    )


def test_the_page_has_every_command():
    page = PAGE.read_text(encoding="utf-8")

    assert reference.missing(page) == set()
    assert reference.missing(page.replace("<!-- flags of show -->", "")) == {"show"}


def test_every_setting_is_in_the_table_with_range_default_and_meaning():
    table = reference.table("train")

    for setting in SETTINGS:
        flag = f"| `{flag_table.spelling(setting)}` |"
        (line,) = [line for line in table.splitlines() if line.startswith(flag)]
        assert setting.help in line
    assert "| `--batch_size` | an integer >= 1 | `128` | Examples in a global batch" in table


def test_a_stale_table_is_replaced_and_the_rest_stays():
    page = "Before.\n<!-- flags of list -->\nstale\n<!-- end -->\nAfter.\n"

    fresh = reference.updated(page)

    assert fresh == (
        "Before.\n<!-- flags of list -->\n" + reference.table("list") + "<!-- end -->\nAfter.\n"
    )
