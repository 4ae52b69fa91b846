"""Layers and tensor functions that several tasks share."""

from sslkeras.layers.features import as_map, as_vector, pool
from sslkeras.layers.reproducible_dropout import ReproducibleDropout

__all__ = ["ReproducibleDropout", "as_map", "as_vector", "pool"]
