"""Trunks by name. Importing this imports no TensorFlow."""

from sslkeras import registry as _registry

create = _registry.encoders.create
names = _registry.encoders.names

_LAZY = ("Encoder", "FunctionEncoder", "as_encoder", "named_model")


def __getattr__(name):
    if name in _LAZY:
        from sslkeras.encoders import encoder

        return getattr(encoder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
