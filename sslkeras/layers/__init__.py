"""Layers and tensor functions that several tasks share."""

from sslkeras.layers.features import as_map, as_vector, pool

__all__ = ["as_map", "as_vector", "pool"]
