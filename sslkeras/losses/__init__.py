"""Losses and reductions that several tasks share."""

from sslkeras.losses.reduction import gather, global_mean, global_ratio, num_replicas

__all__ = ["gather", "global_mean", "global_ratio", "num_replicas"]
