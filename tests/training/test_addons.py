"""Tests of sslkeras.training.addons."""

import subprocess
import sys

import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.training import addons


def test_the_import_is_silent_lazy_and_leaves_other_warnings_alone():
    # Addons warn once a process, so that a new process is needed.
    script = """
import sys, warnings
warnings.simplefilter("error", UserWarning)
from sslkeras.training import addons, optimizers
assert "tensorflow_addons" not in sys.modules
optimizers.optimizer_names()
assert "tensorflow_addons" not in sys.modules
before = list(warnings.filters)
assert addons.load().optimizers.LAMB
assert warnings.filters == before
try:
    warnings.warn("TensorFlow Addons (TFA) has ended development")
except UserWarning:
    print("loud again")
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout == "loud again\n", done.stderr
    assert "ended development" not in done.stderr


def test_missing_addons_are_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_addons", None)

    with pytest.raises(ConfigurationError, match="pip install tensorflow-addons"):
        addons.load()
