"""Losses and reductions that several tasks share."""

from sslkeras.losses.reduction import global_mean, global_ratio, num_replicas

__all__ = ["global_mean", "global_ratio", "num_replicas"]
