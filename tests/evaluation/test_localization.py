"""Tests of sslkeras.evaluation.localization."""

import keras
import numpy as np
import pytest

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.localization import Localization
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task


class Bright(Task):
    """Finds what is bright, at half the resolution; the model is a factor."""

    reads = {"image": (4, 4, 1)}

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["image"], batch["image"]

    def build_model(self, inputs, encoder, data):
        raise NotImplementedError

    def loss(self):
        return keras.losses.MeanSquaredError()

    def localize(self, model, batch):
        return model * keras.layers.AveragePooling2D(2)(batch["image"])[..., 0]


def data_of(count=5, **more):
    """A bright square of 4 x 4 pixels in the lower right of 8 x 8."""
    image = np.zeros((count, 8, 8, 1), np.float32)
    image[:, 4:, 4:] = 1
    masks = image > 0
    boxes = np.tile(np.float32([4, 4, 8, 8]), (count, 1))
    split = ArraySplit({"image": image, "masks": masks, "boxes": boxes, **more})
    return Given(split, split)


def subject_of(data, factor=1.0, task=None):
    return Subject(
        "pretrained", data, "image", None, batch_size=2, task=task or Bright(), model=factor
    )


@pytest.mark.parametrize("target", ["masks", "boxes"])
def test_a_map_that_points_at_the_object_beats_the_centre(target):
    result = Localization(target=target).run(subject_of(data_of()), 0)

    # Resized bilinearly, the values along the border are 1/4 and 3/4 of full size.
    assert result["pointing"] == result["IOU"] == result["success@0.5"] == 1
    assert result["success AUC"] == pytest.approx(1)
    assert result["pixel AUC"] == 1
    assert result["centre pointing"] == 0  # The first of four central pixels.
    assert 0 < result["centre IOU"] < 0.5
    assert result["images without object"] == 0


def test_faint_maps_can_be_stretched():
    subject = subject_of(data_of(), 0.1)

    assert Localization().run(subject, 0)["IOU"] == 0
    assert Localization(stretch=True).run(subject, 0)["IOU"] == 1


def test_images_without_an_object_are_left_out_and_counted():
    data = data_of()
    data.test._arrays["masks"][:2] = False

    result = Localization().run(subject_of(data), 0)

    assert result["images without object"] == 2
    assert result["IOU"] == 1
    data = data_of()
    data.test._arrays["masks"][:] = False
    with pytest.raises(DataError, match="something to find.*'masks' is empty in 5 images"):
        Localization().run(subject_of(data), 0)


def test_wrong_maps_and_truths_are_refused():
    with pytest.raises(DataError, match=r"lie in \[0, 1\].*0 to 3.*apply a sigmoid"):
        Localization().run(subject_of(data_of(), 3.0), 0)
    with pytest.raises(DataError, match="NaN or infinite"):
        Localization().run(subject_of(data_of(), np.nan), 0)
    with pytest.raises(DataError, match="'label' must hold masks.*Name other features"):
        Localization(target="label").run(subject_of(data_of(label=np.arange(5))), 0)

    class Other(Bright):
        localize = None

    with pytest.raises(ConfigurationError, match="'localization' needs a task.*`localize"):
        Localization().run(subject_of(data_of(), task=Other()), 0)
