"""What is laid over an image: masks, points, maps of where something is; and colours of motion."""

import numpy as np
from matplotlib.colors import hsv_to_rgb, to_rgb

from sslkeras.pictures.canvas import PALETTE, displayable
from sslkeras.pictures.inputs import heat

# Colours of objects on grey or dark frames: the palette without its black.
OBJECTS = tuple(to_rgb(PALETTE[i]) for i in (5, 4, 2, 3, 1, 0))


def with_masks(image, objects, opacity=0.6):
    """`(height, width, 3)`: each object in a colour of its own over the image.

    Args:
        image: `(height, width, channels)` in [0, 1].
        objects: int `(height, width)`: 0 for the background, 1, 2, ... for objects.
        opacity: Of the colours.
    """
    image = displayable(image).copy()
    for one in range(1, int(objects.max(initial=0)) + 1):
        colour = np.array(OBJECTS[(one - 1) % len(OBJECTS)], np.float32)
        image[objects == one] = (1 - opacity) * image[objects == one] + opacity * colour
    return image


def with_points(image, points):
    """`(height, width, 3)`: a square dot in a colour of its own on each point.

    Args:
        image: `(height, width, channels)` in [0, 1].
        points: float `(points, 2)`, row and column in pixels; NaN is not drawn.
    """
    image = displayable(image).copy()
    reach = max(0, min(image.shape[:2]) // 48)
    for one, point in enumerate(points):
        if np.isfinite(point).all():
            row, column = np.round(point).astype(int)
            rows = slice(max(row - reach, 0), max(row + reach + 1, 0))
            columns = slice(max(column - reach, 0), max(column + reach + 1, 0))
            image[rows, columns] = OBJECTS[one % len(OBJECTS)]
    return image


def with_map(image, values, opacity=0.6):
    """`(height, width, 3)`: a map in [0, 1] in colours over the grey image.

    Args:
        image: `(height, width, channels)` in [0, 1].
        values: float `(height, width)` in [0, 1].
        opacity: Of the colours.
    """
    grey = displayable(image).mean(axis=-1, keepdims=True)
    return (1 - opacity) * grey + opacity * heat(values, "inferno", 0.0, 1.0)


def with_outline(image, mask, colour=OBJECTS[1]):
    """`(height, width, 3)`: the pixels of a mask that touch its outside, in one colour."""
    image = displayable(image).copy()
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    image[mask & ~inner] = colour
    return image


def flow_colours(flow, longest):
    """`(height, width, 3)`: the direction as hue, the length as saturation; no motion is white.

    Args:
        flow: float `(height, width, 2)`, (u, v): to the right, down.
        longest: Length of full saturation, > 0.
    """
    hue = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi)) % 1.0
    length = np.clip(np.linalg.norm(flow, axis=-1) / longest, 0, 1)
    return hsv_to_rgb(np.stack([hue, length, np.ones_like(hue)], axis=-1)).astype(np.float32)


def flow_wheel(side=64):
    """`(side, side, 3)`: the colour of each direction, seen from the middle; white outside."""
    axis = np.linspace(-1, 1, side)
    flow = np.stack(np.meshgrid(axis, axis), axis=-1)
    wheel = flow_colours(flow, 1.0)
    wheel[np.linalg.norm(flow, axis=-1) > 1] = 1.0
    return wheel
