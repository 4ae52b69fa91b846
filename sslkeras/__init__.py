"""sslkeras: self-supervised learning with Keras and TensorFlow.

The public names. They are imported on first use, so that listing what is installed
needs no TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "Dataset": "sslkeras.datasets.dataset",
    "Encoder": "sslkeras.encoders.encoder",
    "Probe": "sslkeras.evaluation.probe",
    "Run": "sslkeras.training.run",
    "Stage": "sslkeras.task",
    "SurrogateModel": "sslkeras.training.surrogate_model",
    "Task": "sslkeras.task",
    "evaluate": "sslkeras.evaluation.evaluate",
    "load_encoder": "sslkeras.training.run",
    "load_run": "sslkeras.training.run",
    "load_tokenizer": "sslkeras.training.run",
    "pretrain": "sslkeras.training.pretrain",
    "probes": "sslkeras.registry",
    "register_classes": "sslkeras.training.run",
    "show": "sslkeras.pictures.show",
    "tasks": "sslkeras.registry",
}
_PACKAGES = ("augmentation", "datasets", "encoders", "errors", "layers", "losses", "testing")

__all__ = sorted([*_HOME, *_PACKAGES])


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"sslkeras.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'sslkeras' has no attribute {name!r}")
    # A submodule of the same name (`evaluate`, `show`) must not replace the function.
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
