"""Rotation prediction for sslkeras."""

from sslkeras_rotation.rotation import Rotation

__all__ = ["Rotation"]
