"""A tiny dataset with what a task reads, for tasks that read images or clips."""

import numpy as np

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError

LEAST_SIDE, LEAST_TIME = 12, 6
TRAIN, TEST = 48, 20


def small_dataset(task) -> Given:
    """Smooth waves in colour, standing in images and moving in clips, with a label.

    Every image is another one, and none is symmetric, so that turning, mirroring,
    shuffling and cutting can all be told.

    Raises:
        ConfigurationError: If the task reads anything but images and clips.
    """
    shapes = {name: _shape(task, name, least) for name, least in task.reads.items()}

    def split(count, seed):
        random = np.random.default_rng(seed)
        label = np.arange(count, dtype=np.int32) % 2
        arrays = {name: _waves(random, label, shape) for name, shape in shapes.items()}
        return ArraySplit({"label": label, **arrays})

    return Given(split(TRAIN, 0), split(TEST, 1), label_names=("flat", "steep"))


def _shape(task, name, least):
    if least is None:
        least = (1, 1, 1)
    if len(least) not in (3, 4):
        raise ConfigurationError(
            "The kit makes images and clips only. Received: a task that reads "
            f"'{name}' of shape {tuple(least)}. Give `dataset`, a small one with this feature."
        )
    *time, height, width, channels = (n or 1 for n in least)
    return (*(max(n, LEAST_TIME) for n in time), *_sides(height, width), channels)


def _sides(height, width):
    # Two pixels more than the least, so that a crop has places to choose from.
    return tuple(max(side + 2 * (side > 1), LEAST_SIDE) for side in (height, width))


def _waves(random, label, shape):
    """uint8 `(examples, *shape)`."""
    *time, height, width, channels = shape
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    images = np.empty((len(label), *shape), np.uint8)
    for image, steep in zip(images, label):
        moment = np.arange(time[0] if time else 1)[:, None, None, None]
        value = np.full((len(moment), height, width, channels), 110.0)
        for _ in range(3):
            wave = random.uniform(-1, 1, 2) * (0.9 if steep else 0.4)
            phase = random.uniform(0, 2 * np.pi, channels)
            speed = random.uniform(0.2, 0.6)
            value += 30 * np.sin((grid @ wave)[None, ..., None] + phase + speed * moment)
        value += np.linspace(0, 40, height)[None, :, None, None]
        value += random.uniform(0, 10, value.shape)
        image[...] = value.clip(0, 255).astype(np.uint8).reshape(shape)
    return images
