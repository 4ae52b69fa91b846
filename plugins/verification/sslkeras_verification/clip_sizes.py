"""What clips must be before frames can be drawn from them."""

from sslkeras.errors import DataError


def require_known_sizes(owner, split):
    """Raises `DataError` unless all clips of `split` have one length and one frame size."""
    shape = split.features["video"].shape
    if not shape.is_fully_defined():
        raise DataError(
            f"{owner} needs clips of one length and frames of one size. Received: 'video' of "
            f"shape {shape}. Choose a number of frames and a size in the dataset's arguments."
        )
