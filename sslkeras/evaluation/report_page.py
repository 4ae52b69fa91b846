"""One HTML page on one run or several side by side: readable offline, light and dark."""

import base64
import csv
import html
import io
import pathlib

from sslkeras.errors import RunError
from sslkeras.evaluation import run_record
from sslkeras.evaluation.table import cell, signed
from sslkeras.pictures.canvas import PALETTE, new_figure
from sslkeras.training.files import write_atomically

_CONTENDERS = ("pretrained", "random init", "raw input")

_STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --back: #fff; --quiet: #5b6570;
  --line: #d9dee3; --card: #f5f7f9; --good: #0a7d4f; --bad: #b3372b; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ec; --back: #14171a;
  --quiet: #9aa5b1; --line: #333a41; --card: #1d2226; --good: #4cc38a; --bad: #ff8c7a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 2rem 1.25rem 4rem; color: var(--text);
  background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; }
p.lead { color: var(--quiet); margin: 0; max-width: 60rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.number, th.number { text-align: right; white-space: nowrap; }
td.protocol { min-width: 9rem; } td.protocol code { overflow-wrap: normal; }
td.last, th.last { padding-right: 2.5rem; }
td code { font-size: .86em; overflow-wrap: anywhere; } .quiet { color: var(--quiet); }
.good { color: var(--good); } .bad { color: var(--bad); }
.runs { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
figure { margin: 0; padding: .75rem; background: var(--card); border-radius: .5rem; }
figcaption { font-size: .85rem; color: var(--quiet); margin-bottom: .5rem; }
figure img { max-width: 100%; max-height: 46rem; background: #fff; border-radius: .25rem; }
figure svg { width: 100%; height: auto; }
"""


def write_report(folders, path) -> pathlib.Path:
    """Writes the page, and the same numbers as CSV beside it.

    Args:
        folders: Run folders; what has not been judged or drawn is simply not on the page.
        path: The HTML file. The CSV file has the same name with the ending .csv.

    Returns:
        `path`.

    Raises:
        ConfigurationError: If no folder is given.
        RunError: If a folder holds no run, or the page cannot be written.
    """
    records = run_record.read_all(folders)
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, page(records))
        write_atomically(path.with_suffix(".csv"), as_csv(records))
    except OSError as error:
        raise RunError(
            f"The report must be written to a folder that can be written. Received: {path}: "
            f"{error}. Choose another file."
        ) from error
    return path


def page(records) -> str:
    """The HTML text."""
    names = ", ".join(record.name for record in records)
    title = f"Run {names}" if len(records) == 1 else f"{len(records)} runs side by side"
    parts = [
        f"<h1>{_text(title)}</h1>",
        '<p class="lead">Each encoder was trained without labels. Beside it stand the same '
        "architecture at random initialisation and the raw input: only what lies above both was "
        "learned.</p>",
        "<h2>Results</h2>",
        _results(records),
        "<h2>Configuration</h2>",
        _configuration(records),
        "<h2>Loss</h2>",
        _grid([(record.name, _loss_chart(record)) for record in records if record.history]),
    ]
    pictures = list(dict.fromkeys(p.name for record in records for p in record.pictures()))
    for name in pictures:
        parts.append(f"<h2>{_text(pathlib.Path(name).stem.replace('_', ' ').capitalize())}</h2>")
        cells = []
        for record in records:
            found = [p for p in record.pictures() if p.name == name]
            if found:
                cells.append((record.name, _embedded(found[0])))
        parts.append(_grid(cells))
    parts += _probe_pictures(records)
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>sslkeras: {_text(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def as_csv(records) -> str:
    """Every figure: run, protocol, metric, contender, mean, deviation, repetitions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "protocol", "metric", "contender", "mean", "deviation", "repetitions"])
    for record in records:
        for (protocol, metric), contenders in record.results().items():
            for contender, figures in contenders.items():
                writer.writerow(
                    [
                        record.folder,
                        protocol,
                        metric,
                        contender,
                        figures["mean"],
                        figures["deviation"],
                        len(figures["values"]),
                    ]
                )
    return text.getvalue()


def _results(records):
    keys = list(dict.fromkeys(key for record in records for key in record.results()))
    # A protocol is one block, also where its metrics differ from run to run.
    protocols = list(dict.fromkeys(protocol for protocol, _ in keys))
    keys.sort(key=lambda key: protocols.index(key[0]))
    if not keys:
        return '<p class="quiet">Not judged yet: run <code>sslkeras evaluate</code>.</p>'
    several = len(records) > 1
    head = "".join(
        f'<th class="number last" colspan="4">{_text(record.name)}</th>' for record in records
    )
    columns = "".join(
        f'<th class="number quiet{" last" if name == "gain" else ""}">{name}</th>'
        for _ in records
        for name in (*_CONTENDERS, "gain")
    )
    rows, above = [], None
    for protocol, metric in keys:
        first = "" if protocol == above else f"<code>{_breakable(protocol)}</code>"
        above = protocol
        key = protocol, metric
        cells = "".join(
            _cells(
                record.results().get(key, {}),
                record.gains().get(key),
                run_record.better_smaller(metric),
            )
            for record in records
        )
        rows.append(f'<tr><td class="protocol">{first}</td><td>{_text(metric)}</td>{cells}</tr>')
    top = f"<tr><th></th><th></th>{head}</tr>" if several else ""
    return (
        f'<div class="scroll"><table>{top}<tr><th>protocol</th><th>metric</th>{columns}</tr>'
        f"{''.join(rows)}</table></div>"
    )


def _cells(contenders, gain, smaller):
    shown = []
    for name in _CONTENDERS:
        figures = contenders.get(name)
        text = (
            cell(figures["mean"], figures["deviation"], len(figures["values"])) if figures else ""
        )
        shown.append(f'<td class="number">{_text(text)}</td>')
    if gain is None:
        shown.append('<td class="number last"></td>')
    else:
        better = gain < 0 if smaller else gain > 0
        kind = "" if gain == 0 else " good" if better else " bad"
        shown.append(f'<td class="number last{kind}">{signed(gain)}</td>')
    return "".join(shown)


def _configuration(records):
    rows = [
        ("folder", [str(record.folder) for record in records]),
        *(
            (part, [record.notation(part) for record in records])
            for part in ("task", "dataset", "encoder")
        ),
    ]
    names = dict.fromkeys(n for record in records for n in record.config["settings"])
    rows += [
        (name, [str(record.config["settings"].get(name)) for record in records]) for name in names
    ]
    rows.append(("seconds of training", [f"{record.seconds:.0f}" for record in records]))
    versions = [
        ", ".join(f"{k} {v}" for k, v in record.config.get("versions", {}).items())
        for record in records
    ]
    rows.append(("versions", versions))
    lines = "".join(
        # What differs between the runs is what a reader looks for.
        f"<tr><th{'' if len(set(values)) > 1 or len(values) == 1 else ' class=quiet'}>{name}</th>"
        + "".join(f"<td><code>{_text(value)}</code></td>" for value in values)
        + "</tr>"
        for name, values in rows
    )
    return f'<div class="scroll"><table>{lines}</table></div>'


def _loss_chart(record):
    """The loss by epoch as an SVG that takes the page's text colour."""
    figure = new_figure(5.0, 2.6)
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    axes.patch.set_alpha(0.0)
    epochs = range(1, len(record.history) + 1)
    for key, label, colour in (
        ("loss", "training", PALETTE[0]),
        ("val_loss", "held out", PALETTE[1]),
    ):
        points = [(e, row[key]) for e, row in zip(epochs, record.history) if key in row]
        if points:
            axes.plot(*zip(*points), label=label, color=colour)
    axes.set_xlabel("epoch")
    axes.legend(frameon=False)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace("#000000", "currentColor")
    return svg.replace("<svg ", '<svg fill="currentColor" ', 1)


def _probe_pictures(records):
    """What the probes drew: the runs side by side, each contender below the other."""
    drawn = [record.probe_pictures() for record in records]
    parts, above = [], None
    for protocol, name, contender in dict.fromkeys(key for one in drawn for key in one):
        if (protocol, name) != above:
            title = f"<code>{_text(protocol)}</code>: {_text(name)}"
            caption = next(
                text
                for one in drawn
                for key, (_, text) in one.items()
                if key[:2] == (protocol, name)
            )
            parts.append(f'<h2>{title}</h2><p class="lead">{_text(caption)}</p>')
            above = protocol, name
        cells = [
            (f"{record.name}, {contender}", _embedded(one[protocol, name, contender][0]))
            for record, one in zip(records, drawn)
            if (protocol, name, contender) in one
        ]
        parts.append(_grid(cells))
    return parts


def _embedded(path):
    kind = path.suffix[1:]
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{_text(path.stem)}" src="data:image/{kind};base64,{data}">'


def _grid(cells):
    figures = "".join(
        f"<figure><figcaption>{_text(name)}</figcaption>{content}</figure>"
        for name, content in cells
    )
    return f'<div class="runs">{figures}</div>'


def _breakable(protocol):
    """A protocol whose lines break between its arguments, not within them."""
    return _text(protocol).replace("(", "(<wbr>", 1)


def _text(value):
    return html.escape(str(value))
