"""Tests of `sslkeras list`: all at a glance without an import, one name in full."""

import pytest

from sslkeras import registry
from sslkeras.commands import list_installed
from sslkeras.errors import ConfigurationError

KINDS = (registry.tasks, registry.datasets, registry.encoders, registry.probes)


def test_each_installed_name_is_shown_with_its_distribution_and_a_line_on_it():
    lines = list_installed.overview().splitlines()

    for known in KINDS:
        for entry in known.entries():
            (at,) = [
                number
                for number, line in enumerate(lines)
                if line.split() == [entry.name, entry.distribution, entry.version]
            ]
            assert lines[at + 1].strip().startswith(entry.summary[:50])


def test_what_is_read_and_offered_is_shown():
    text = " ".join(list_installed.overview().split())

    assert "shipped with scikit-learn. (offers image, label)" in text
    assert "(reads image)" in text  # A task.
    assert "(reads label)" in text  # A probe.


@pytest.mark.parametrize("name", registry.tasks.names())
def test_a_task_is_listed_with_what_it_reads_as_it_is_made(name):
    made = registry.tasks.create(name)

    (text,) = list_installed.full(name)
    listed = registry.tasks.alternatives(registry.tasks.entry(name), "reads")

    assert any(set(names) <= set(made.reads) for names in listed)
    assert next(iter(made.reads)) in {feature for names in listed for feature in names}
    reads = text[text.index("\nReads\n") : text.index("\nJudged by\n")]
    assert all(f"\n  {feature}" in reads for feature in made.reads)


def test_the_overview_fits_the_width(monkeypatch):
    for columns in (60, 300):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert max(map(len, list_installed.overview().splitlines())) <= min(columns, 100) + 12


def test_nothing_heavy_is_imported_by_the_command(sslkeras, install, tmp_path):
    (tmp_path / "ssl_acme.py").write_text(
        'class Acme:\n    """Acme\'s task."""\nraise SystemError\n'
    )
    install("acme", "sslkeras.tasks", {"acme_task": "ssl_acme:Acme"})
    (tmp_path / "tensorflow.py").write_text("raise SystemError('TensorFlow was imported')\n")

    done = sslkeras("list")

    assert (done.returncode, done.stderr) == (0, "")
    assert "acme_task                   acme 1.2\n      Acme's task." in done.stdout


def test_missing_modules_and_conflicts_are_marked(sslkeras, install):
    install("acme", "sslkeras.tasks", {"gone": "ssl_no_such_module:Gone"})
    install("other", "sslkeras.datasets", {"npz": "sslkeras.datasets.npz:Npz"})

    words = " ".join(sslkeras("list").stdout.split())

    assert "gone acme 1.2 BROKEN: there is no module ssl_no_such_module." in words
    assert words.count("CONFLICT: offered more than once") == 2


def test_one_name_is_shown_in_full(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    list_installed.main(["npz"])

    text = capsys.readouterr().out
    assert text.startswith("Dataset 'npz'\nfrom sslkeras ")
    assert "(sslkeras.datasets.npz:Npz)" in text
    assert "\n  path (required)\n      The `.npz` file.\n" in text
    assert "\n  test_fraction = 0.1\n" in text
    assert "\n      Must be a number in (0, 1).\n" in text
    assert "Args:" not in text
    assert "\nOffers\n  image: " in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("known", KINDS)
def test_every_installed_name_can_be_shown(known):
    for name in known.names():
        for text in list_installed.full(name):
            for argument in known.load(name).hyperparameters:
                assert f"\n  {argument} " in text
            assert max(map(len, text.splitlines())) <= 100, name


def test_a_task_shows_what_it_reads_its_probes_and_its_paper():
    name = registry.tasks.names()[0]
    task = registry.tasks.load(name)

    (text,) = list_installed.full(name)

    reads, judged, paper = (text.index(f"\n{word}\n") for word in ("Reads", "Judged by", "Paper"))
    assert reads < judged < paper
    assert all(probe in text[judged:paper] for probe in task().probes)
    assert len(text[paper:].split()) > 10


def test_an_unknown_name_gets_the_nearest_of_any_kind():
    with pytest.raises(ConfigurationError, match="Received: 'lineer'. Did you mean 'linear'"):
        list(list_installed.full("lineer"))


def test_two_names_are_refused():
    with pytest.raises(ConfigurationError, match="one name at most. Received: 'npz knn'"):
        list_installed.main(["npz", "knn"])


def test_a_broken_plugin_is_shown_with_its_error(sslkeras, install, tmp_path):
    (tmp_path / "ssl_acme.py").write_text("import no_such_package\n")
    install("acme", "sslkeras.tasks", {"acme_task": "ssl_acme:Acme"})

    done = sslkeras("list", "acme_task")

    assert done.returncode == 1
    assert done.stderr == (
        "error: Task 'acme_task' (acme 1.2, ssl_acme:Acme) failed to import: "
        "ModuleNotFoundError: No module named 'no_such_package'. Other tasks still work.\n"
    )
