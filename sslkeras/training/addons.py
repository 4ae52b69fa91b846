"""The one place that imports tensorflow_addons.

tensorflow-addons is at the end of its life and says so at every import. Whoever trains
can do nothing about it, so that the notice is silenced here, and only it. The import
takes about two seconds and happens on first use.
"""

import importlib
import warnings

from sslkeras.errors import ConfigurationError

# Matched against the start of the message, whatever its case.
_KNOWN_NOTICES = (
    r"\s*TensorFlow Addons \(TFA\) has ended development",
    r"\s*Tensorflow Addons supports using Python ops for all Tensorflow versions",
    r"\s*You are currently using a nightly version of TensorFlow",
)


def load():
    """Returns the module `tensorflow_addons`, imported without its end-of-life notice.

    Raises:
        ConfigurationError: If it is not installed or fails to import.
    """
    with warnings.catch_warnings():
        for notice in _KNOWN_NOTICES:
            warnings.filterwarnings("ignore", message=notice, category=UserWarning)
        try:
            return importlib.import_module("tensorflow_addons")
        except ImportError as error:
            raise ConfigurationError(
                "tensorflow-addons must be installed and fit the TensorFlow beside it. Received: "
                f"{type(error).__name__}: {error}. Install it: pip install tensorflow-addons."
            ) from error
