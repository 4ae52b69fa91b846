"""Commands in a process of their own, as absl's flags are global to a process."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def sslkeras(tmp_path):
    """`sslkeras("list", "npz")` runs the command and returns the completed process.

    What lies in `tmp_path` can be imported there.
    """

    def run(*arguments, **environment):
        path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-m", "sslkeras", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100", **environment},
            timeout=120,
        )

    return run


@pytest.fixture
def install(tmp_path):
    """`install("acme", "sslkeras.tasks", {"name": "module:Class"})` writes metadata there."""

    def write(distribution, group, entries):
        folder = tmp_path / f"{distribution}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (folder / "entry_points.txt").write_text(f"[{group}]\n{lines}")

    return write
