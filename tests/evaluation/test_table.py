"""Tests of sslkeras.evaluation.table."""

from sslkeras.evaluation.table import cell, signed, table


def test_cells():
    assert cell(0.5, None, 1) == "0.5000"
    assert cell(12.345, 0.01, 3) == "12.35 ± 0.0100" or cell(12.345, 0.01, 3) == "12.34 ± 0.0100"
    assert cell(None, None, 1) == "not finite"
    assert signed(-0.01) == "-0.0100"


def test_columns_are_aligned_and_protocols_named_once():
    text = table(
        ["protocol", "metric", "pretrained"],
        [["linear", "top-1", "0.9"], ["linear", "top-5", "0.95"], ["knn", "top-1", "0.8"]],
    )

    assert text.splitlines() == [
        "protocol  metric  pretrained",
        "--------  ------  ----------",
        "linear    top-1          0.9",
        "          top-5         0.95",
        "",
        "knn       top-1          0.8",
    ]
