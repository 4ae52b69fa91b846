"""Readers and generators of raw examples. Importing this imports no TensorFlow."""

from sslkeras import registry as _registry

create = _registry.datasets.create
names = _registry.datasets.names

_LAZY = (
    "ArraySplit",
    "Dataset",
    "Given",
    "IndexedSplit",
    "Order",
    "Share",
    "Split",
    "StreamSplit",
    "as_dataset",
    "as_float",
)


def __getattr__(name):
    if name in _LAZY:
        from sslkeras.datasets import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
