"""Two cameras that look at one plane, for datasets made by drawing.

Camera 0 sees the world as it is. Camera 1 sees it smaller, turned and shifted, in other
colours, before another background. What is drawn is the world's [-1, 1] x [-1, 1], x to the
right and y upwards.
"""

import numpy as np

NUM_CAMERAS = 2
# A point p of the world is seen at `scale * rotation * p + shift`.
SCALES = np.array([1.0, 0.75])
ROTATIONS = np.array([0.0, 0.6])  # Radians, counter-clockwise.
SHIFTS = np.array([[0.0, 0.0], [0.1, -0.1]])
# What each camera makes of red, green and blue.
TINTS = np.array([[1.0, 1.0, 1.0], [0.8, 0.9, 1.0]])


def world_places(size):
    """Where in the world each pixel's centre lies.

    Args:
        size: Side of the frames in pixels.

    Returns:
        float32 `(2, size, size, 2)`: x and y by camera, row and column.
    """
    centre = (np.arange(size) + 0.5) / size * 2 - 1
    seen = np.stack(np.meshgrid(centre, -centre, indexing="xy"), axis=-1)
    places = np.empty((NUM_CAMERAS, size, size, 2))
    for camera in range(NUM_CAMERAS):
        cos, sin = np.cos(ROTATIONS[camera]), np.sin(ROTATIONS[camera])
        # A row times the rotation is the inverse rotation of a column.
        back = np.array([[cos, -sin], [sin, cos]])
        places[camera] = (seen - SHIFTS[camera]) @ back / SCALES[camera]
    return places.astype(np.float32)


def backgrounds(size):
    """Smooth, by camera alone: float32 `(2, size, size, 3)` in [0, 1]."""
    axis = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(axis, axis, indexing="ij")
    random = np.random.default_rng(20)
    values = np.empty((NUM_CAMERAS, size, size, 3))
    for camera in range(NUM_CAMERAS):
        for channel in range(3):
            a, b, phase = random.uniform([2, 2, 0], [6, 6, 2 * np.pi])
            values[camera, ..., channel] = 0.25 + 0.15 * np.sin(a * x + b * y + phase)
    return values.astype(np.float32)


def sinusoids(draws, num_frames, num_waves, swing):
    """Smooth random motion: sums of sinusoids of 1, 2, ... periods.

    Args:
        draws: float64 `(clips, ..., 2 * num_waves)`: normal ones, then uniform ones in [0, 1).
        num_frames: Frames in a clip.
        num_waves: Sinusoids that are summed; the n-th is divided by n.
        swing: Factor of the sum.

    Returns:
        float64 `(clips, num_frames, ...)`.
    """
    number = np.arange(1, num_waves + 1)
    moment = np.arange(num_frames) / num_frames
    amplitude = draws[..., :num_waves] / number
    angle = number * moment[:, np.newaxis] + draws[..., np.newaxis, num_waves:]
    summed = (amplitude[..., np.newaxis, :] * np.sin(2 * np.pi * angle)).sum(axis=-1)
    return swing * np.moveaxis(summed, -1, 1)
