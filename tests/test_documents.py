"""Runs what README.md, CONTRIBUTING.md, docs/ and examples/ show, as it stands there.

Each page is run in an empty folder by one process that goes through it from top to
bottom:

- ```python blocks, one after another with the same names;
- ```console blocks: their lines `$ sslkeras ...` and `$ python ...`, which must succeed;
- a block right below a comment `<!-- file: NAME -->` is written to that file instead.

`$ pip install --editable .` makes the metadata of the distribution and puts the folder on
the path, as the real one does, without the network. Other console lines are not run.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
_BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n+)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def blocks(page):
    """`(line, file or None, language, text)` of each fenced block of a page's text."""
    for match in _BLOCK.finditer(page):
        line = page.count("\n", 0, match.start("text"))
        yield line, match["file"], match["language"], match["text"]


def commands(text):
    """The lines of a console block that are run, without the prompt."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        command = line.removeprefix("$ ")
        if command != line and command.startswith(("sslkeras ", "python ", "pip install --ed")):
            yield command


def run_page(page):
    """Goes through one page; what this raises or exits with is the page's fault."""
    names = {"__name__": "page"}
    for line, file, language, text in blocks(page.read_text(encoding="utf-8")):
        place = f"{page.name}:{line}"
        began = time.monotonic()
        if file:
            pathlib.Path(file).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(file).write_text(text, encoding="utf-8")
            continue
        if language == "python":
            # As many newlines as lines before it: a traceback then shows the page's line.
            exec(compile("\n" * line + text, str(page), "exec"), names)
        elif language == "console":
            for command in commands(text):
                run_command(command, place)
        else:
            continue
        print(f"{place} took {time.monotonic() - began:.1f} s", flush=True)


def run_command(command, place):
    """Runs one console line with this Python; exits with a message if it fails."""
    words = shlex.split(command)
    if words[0] == "pip":
        words = ["python", "-c", "from setuptools import setup; setup()", "-q", "egg_info"]
        path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
        os.environ["PYTHONPATH"] = path.rstrip(os.pathsep)
        sys.path.insert(0, os.getcwd())
    words[:1] = [sys.executable, "-m", "sslkeras"][: 1 if words[0] == "python" else None]
    if subprocess.run(words).returncode:
        sys.exit(f"{place}: `{command}` failed")


def in_a_process(folder, *words):
    """Runs Python with `words` in `folder`; fails with all that it printed."""
    home = {"XDG_CACHE_HOME": str(folder / ".cache"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env={**os.environ, **home},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def has_code(page):
    found = blocks((ROOT / page).read_text(encoding="utf-8"))
    return any(
        language == "python" or (language == "console" and list(commands(text)))
        for _, _, language, text in found
    )


@pytest.mark.parametrize("page", [page for page in PAGES if has_code(page)])
def test_code_of_page_runs_as_it_stands(page, tmp_path):
    in_a_process(tmp_path, __file__, ROOT / page)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_page_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")

    for link in _LINK.findall(text):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), f"{page} links to {link}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES)
def test_tables_of_page_have_rows_of_equal_length(page):
    text = _BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(columns) == 1, f"{page}: the rows of this table differ in length:\n{table}"


def anchors(text):
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = _HEADING.findall(_BLOCK.sub("", text))
    return {re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings}


def test_every_page_is_named_in_the_index():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")

    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in _LINK.findall(index)}

    pages = {(ROOT / page).resolve() for page in PAGES if page.startswith("docs/")}
    assert pages - linked == {(ROOT / "docs/README.md").resolve()}


def test_model_fit_example_prints_what_the_features_are_worth(tmp_path):
    printed = in_a_process(tmp_path, ROOT / "examples/model_fit.py", 2)

    assert re.search(r"^pretrained: 0\.\d+ of test digits right", printed, re.MULTILINE)


def test_absl_example_has_the_flags_of_the_command_and_its_own(tmp_path):
    printed = in_a_process(
        tmp_path,
        ROOT / "examples/absl_script.py",
        "--task=autoencoder(code_dim=8)",
        "--encoder=mlp(hidden_sizes=(16,))",
        "--steps=2",
        "--output=run",
        "--negative",
    )

    assert "An encoder of" in printed
    assert (tmp_path / "run/encoder.keras").is_file()


def test_blocks_are_found_with_their_language_line_and_file():
    page = "one\n```python\na = 1\n```\n<!-- file: x/y.toml -->\n```toml\nb\n```\n```\nc\n```\n"

    assert list(blocks(page)) == [
        (2, None, "python", "a = 1\n"),
        (6, "x/y.toml", "toml", "b\n"),
        (9, None, "", "c\n"),
    ]


def test_only_commands_of_ours_are_run_from_a_console_block():
    text = "$ make train\n$ sslkeras list \\\n    digits\nsslkeras output\n$ python a.py\n"

    assert [shlex.split(command) for command in commands(text)] == [
        ["sslkeras", "list", "digits"],
        ["python", "a.py"],
    ]


if __name__ == "__main__":
    run_page(pathlib.Path(sys.argv[1]))
