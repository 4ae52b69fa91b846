"""A result as a table for the terminal: a row a metric, a column a contender."""


def cell(mean, deviation, count) -> str:
    """ "0.9120", or "0.912 ± 0.010" for the mean of several runs."""
    if mean is None:
        return "not finite"
    if count > 1 and deviation is not None:
        return f"{_short(mean)} ± {_short(deviation)}"
    return _short(mean)


def signed(difference) -> str:
    """ "+0.0120": a difference with its sign."""
    return ("+" if difference >= 0 else "-") + _short(abs(difference))


def _short(value):
    size = abs(value)
    if size >= 1000:
        return f"{value:.4g}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 10 else f"{value:.4f}"


def table(header, rows, *, grouped=True) -> str:
    """Text with aligned columns; the first two are text, the others numbers.

    Args:
        header: Titles of the columns.
        rows: Lists of strings.
        grouped: Whether rows with the same first cell belong together: it is shown once, and
            an empty line stands before the next group.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells):
        aligned = [
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    lines = [line(header), "  ".join("-" * width for width in widths)]
    above = None
    for row in rows:
        if grouped and above is not None and row[0] != above:
            lines.append("")
        lines.append(line(["" if grouped and row[0] == above else row[0], *row[1:]]))
        above = row[0]
    return "\n".join(lines)
