"""Tests of sslkeras.testing.small_dataset."""

import numpy as np
import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.testing.small_dataset import small_dataset
from tests.toys import Denoise


def reading(**reads):
    task = Denoise()
    task.reads = reads
    return task


def examples(split):
    return {name: np.asarray(value) for name, value in next(iter(split.batches(99))).items()}


def test_images_and_clips_are_as_large_as_the_task_needs():
    task = reading(image=(20, 4, 3), video=(8, None, None, 1), picture=None)

    data = small_dataset(task)

    shapes = {name: tuple(spec.shape) for name, spec in data.train.features.items()}
    assert shapes == {
        "label": (),
        "image": (22, 12, 3),
        "video": (8, 12, 12, 1),
        "picture": (12, 12, 1),
    }
    task.check(data.train)
    task.check(data.test)


def test_no_two_images_are_equal_and_none_is_symmetric():
    images = examples(small_dataset(Denoise()).train)["image"].astype(int)

    assert len({image.tobytes() for image in images}) == len(images)
    for flipped in (images[:, ::-1], images[:, :, ::-1], np.rot90(images, axes=(1, 2))):
        assert np.abs(images - flipped).mean(axis=(1, 2, 3)).min() > 2


def test_clips_move():
    clips = examples(small_dataset(reading(video=(2, 1, 1, 1))).train)["video"].astype(int)

    assert np.abs(np.diff(clips, axis=1)).mean(axis=(2, 3, 4)).min() > 2


def test_what_is_no_image_must_be_given():
    with pytest.raises(ConfigurationError, match="'tokens' of shape.*Give `dataset`"):
        small_dataset(reading(tokens=(5,)))
