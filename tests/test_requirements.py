"""Tests of reading what a distribution needs from its metadata."""

import importlib
import platform

import pytest

from sslkeras import requirements


@pytest.fixture
def metadata(tmp_path, monkeypatch):
    """`metadata("acme", "1.2", "Requires-Dist: numpy")` makes a distribution known."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, version, *lines):
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        head = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}")
        (folder / "METADATA").write_text("\n".join([*head, *lines, ""]))
        importlib.invalidate_caches()

    return write


def test_each_need_is_compared_with_what_is_there(metadata):
    metadata("acme_there", "2.1rc1")
    metadata(
        "acme",
        "1.0",
        "Requires-Dist: acme_there<3,>=2",
        "Requires-Dist: acme-there>=2.1",
        "Requires-Dist: acme-gone",
        "Requires-Dist: acme-elsewhere; python_version < '3'",
        "Requires-Dist: acme-more; extra == 'more'",
        "Requires-Dist: no requirement at all",
    )

    old, new, gone = requirements.of("acme")

    assert (str(old), old.have, old.fits) == ("acme_there>=2,<3", "2.1rc1", True)
    assert (str(new), new.have, new.fits) == ("acme-there>=2.1", "2.1rc1", False)
    assert (gone.missing, gone.fits, gone.pip) == (True, False, "pip install 'acme-gone'")
    assert [needed.name for needed in requirements.of("acme", extra="more")] == ["acme-more"]


def test_what_is_not_installed_needs_nothing():
    assert requirements.of("no-such-distribution") == []
    assert requirements.installed("no-such-distribution") is None


def test_the_python_that_is_needed_is_compared_with_ours(metadata):
    metadata("acme_old", "1.0", "Requires-Python: <3.0")
    metadata("acme_any", "1.0")

    old, unsaid = requirements.python_for("acme_old"), requirements.python_for("acme_any")

    assert (old.wanted, old.have, old.fits) == ("<3.0", platform.python_version(), False)
    assert unsaid.fits
