"""Layers and tensor functions that several tasks share."""

from sslkeras.layers.convolution3d import convolution_3d
from sslkeras.layers.features import as_map, as_vector, pool
from sslkeras.layers.folding import (
    FoldViews,
    UnfoldTime,
    UnfoldViews,
    apply_to_frames,
    apply_to_views,
)
from sslkeras.layers.log_spectrogram import FitLength, LogSpectrogram
from sslkeras.layers.reproducible_dropout import ReproducibleDropout
from sslkeras.layers.spatial_softmax import SpatialSoftmax

__all__ = [
    "FitLength",
    "FoldViews",
    "LogSpectrogram",
    "ReproducibleDropout",
    "SpatialSoftmax",
    "UnfoldTime",
    "UnfoldViews",
    "apply_to_frames",
    "apply_to_views",
    "as_map",
    "as_vector",
    "convolution_3d",
    "pool",
]
