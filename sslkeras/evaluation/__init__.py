"""What an encoder is worth. Importing this imports no TensorFlow."""

from sslkeras import registry as _registry

create = _registry.probes.create
names = _registry.probes.names

_LAZY = {
    "EvaluationResult": "result",
    "Probe": "probe",
    "ProbeResult": "result",
    "Subject": "probe",
    "as_probe": "probe",
}


def __getattr__(name):
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(f"sslkeras.evaluation.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
