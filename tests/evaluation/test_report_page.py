"""Tests of sslkeras.evaluation.{run_record,compare,report_page} and their commands."""

import base64
import csv
import html.parser
import json
import re

import pytest

from sslkeras.errors import ConfigurationError, RunError
from sslkeras.evaluation.compare import compare
from sslkeras.evaluation.report_page import write_report


def figures(mean, *values):
    return {"mean": mean, "deviation": 0.01 if len(values) > 1 else None, "values": list(values)}


@pytest.fixture
def runs(tmp_path):
    """Three run folders: accuracy .9, .8, and one that was never judged."""
    folders = []
    for name, accuracy in (("good", 0.9), ("fair", 0.8), ("unjudged", None)):
        folder = tmp_path / name
        (folder / "pictures").mkdir(parents=True)
        config = {
            "task": {"name": "jigsaw", "arguments": {"grid": 3, "note": "<b>&"}},
            "dataset": {"name": "digits", "arguments": {}},
            "encoder": {"class": "mine:Trunk", "arguments": {}},
            "settings": {"seed": 0, "epochs": 2},
            "init_from": None,
            "versions": {"python": "3.11"},
        }
        (folder / "run.json").write_text(json.dumps(config))
        (folder / "history.csv").write_text(
            "stage_index,stage,epoch,step,loss,val_loss\n0,train,0,5,2.0,2.5\n0,train,1,10,1.0,1.5\n"
        )
        (folder / "timing.json").write_text('[{"seconds": 3.0}, {"seconds": 4.0}]')
        (folder / "pictures" / "withheld.png").write_bytes(b"\x89PNG not really")
        if accuracy is not None:
            linear = {
                "protocol": "linear",
                "contenders": {
                    "pretrained": {"metrics": {"top-1": figures(accuracy, accuracy)}},
                    "random init": {"metrics": {"top-1": figures(0.85, 0.84, 0.86)}},
                },
                "gain": {"top-1": accuracy - 0.85},
            }
            content = {
                "version": 1,
                "surrogate": {"loss": 3 - accuracy},
                "probes": [linear],
                "notes": [],
            }
            (folder / "evaluation.json").write_text(json.dumps(content))
        folders.append(folder)
    return folders


def test_what_probes_drew_stands_on_the_page_with_its_caption(runs, tmp_path):
    for folder in runs[:2]:
        path = folder / "evaluation.json"
        content = json.loads(path.read_text())
        content["probes"][0]["pictures"] = [
            {
                "contender": contender,
                "name": "confusion",
                "file": f"pictures/probes/{file}.png",
                "caption": "Right is <on> the diagonal.",
            }
            for contender, file in (("pretrained", "a"), ("random init", "b"))
        ]
        path.write_text(json.dumps(content))
        (folder / "pictures" / "probes").mkdir()
        (folder / "pictures" / "probes" / "a.png").write_bytes(
            b"\x89PNG of " + folder.name.encode()
        )
    # That of the random initialisation was deleted, and the third run has none.

    page = write_report(runs, tmp_path / "page.html").read_text()

    assert page.count("<code>linear</code>: confusion") == 1
    assert page.count("Right is &lt;on&gt; the diagonal.") == 1
    assert "good, pretrained" in page and "fair, pretrained" in page
    assert "random init</figcaption>" not in page
    for name in (b"good", b"fair"):
        assert base64.b64encode(b"\x89PNG of " + name).decode() in page


def ranked(text):
    return [line.split()[1].rsplit("/")[-1] for line in text.splitlines() if re.match(r"\d ", line)]


def test_runs_are_ranked_the_best_first_with_their_gain(runs):
    text = compare([runs[1], runs[0]])

    assert ranked(text) == ["good", "fair"]
    assert "+0.0500" in text and "-0.0500" in text and "0.8500 ± 0.0100" in text


def test_a_loss_is_better_when_it_is_smaller(runs):
    text = compare(runs[:2], metric="loss")

    assert "smaller is better" in text
    assert ranked(text) == ["good", "fair"]


def test_an_unknown_metric_gets_those_that_are_shared(runs):
    with pytest.raises(ConfigurationError, match="They share: surrogate task loss; linear top-1"):
        compare(runs[:2], metric="linear top-3")


def test_runs_that_share_no_result_are_named(runs):
    with pytest.raises(RunError, match="good, unjudged, which share none"):
        compare([runs[0], runs[2]])


def test_no_run_is_refused():
    with pytest.raises(ConfigurationError, match="At least one run folder"):
        compare([])


class Reader(html.parser.HTMLParser):
    """Collects text, sources, and checks that tags are closed."""

    def __init__(self):
        super().__init__()
        self.open, self.sources, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [v for k, v in attributes if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(runs, tmp_path):
    path = write_report(runs, tmp_path / "report.html")

    reader = Reader()
    reader.feed(path.read_text())
    text = " ".join(reader.text)
    assert reader.open == []
    assert all(source.startswith(("data:", "#")) for source in reader.sources)
    assert "jigsaw(grid=3, note='<b>&')" in text
    assert "0.9000" in text and "+0.0500" in text
    assert "7" in reader.text  # seconds of both starts


def test_the_metrics_of_a_protocol_stand_together_whichever_run_has_them(runs, tmp_path):
    path = runs[1] / "evaluation.json"
    content = json.loads(path.read_text())
    content["surrogate"] = {"accuracy": 0.7}
    path.write_text(json.dumps(content))
    page = write_report(runs[:2], tmp_path / "two.html").read_text()
    rows = re.findall(r'<td class="protocol">(.*?)</td><td>(.*?)</td>', page)
    assert rows == [
        ("<code>surrogate task</code>", "loss"),
        ("", "accuracy"),
        ("<code>linear</code>", "top-1"),
    ]


def test_runs_of_the_same_folder_name_are_told_apart(runs, tmp_path):
    again = tmp_path / "more" / "good"
    again.parent.mkdir()
    runs[0].rename(again)
    runs[1].rename(tmp_path / "good")
    page = write_report([again, tmp_path / "good", runs[2]], tmp_path / "all.html").read_text()
    heads = re.findall(r'<th class="number last" colspan="4">(.*?)</th>', page)
    assert heads == ["more/good", f"{tmp_path.name}/good", "unjudged"]


def test_a_single_run_without_results_says_what_to_do(runs, tmp_path):
    text = write_report([runs[2]], tmp_path / "report.html").read_text()

    assert "Not judged yet: run <code>sslkeras evaluate</code>" in text


def test_the_csv_file_holds_every_figure(runs, tmp_path):
    write_report(runs, tmp_path / "report.html")

    with open(tmp_path / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(r["run"].rsplit("/")[-1], r["metric"], r["contender"]): r["mean"] for r in rows}
    assert found["good", "top-1", "pretrained"] == "0.9"
    assert found["fair", "loss", "pretrained"] == "2.2"
    assert len(rows) == 6


def test_a_page_that_cannot_be_written_is_named(runs, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(RunError, match="must be written to a folder"):
        write_report(runs, tmp_path / "file" / "report.html")
