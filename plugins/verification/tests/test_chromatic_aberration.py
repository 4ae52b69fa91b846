"""What colour fringes tell of a place, and that the guards against it work."""

import numpy as np
import scipy.ndimage
from sslkeras_verification.relative_position import RelativePosition

import sslkeras
from sslkeras.datasets import ArraySplit, Given

SIDE = 44


def fringed_noise(count, seed):
    """Gray noise whose green lies nearer to the middle than red and blue: nothing else to see."""
    gray = np.random.default_rng(seed).random((count, SIDE, SIDE))
    gray = scipy.ndimage.gaussian_filter(gray, (0, 0.7, 0.7))
    gray = (gray - gray.min()) / np.ptp(gray)
    middle = (SIDE - 1) / 2
    # At the corners green is shifted by 2.4 pixels.
    places = [middle + 0.92 * (axis - middle) for axis in np.indices((SIDE, SIDE))]
    green = np.stack([scipy.ndimage.map_coordinates(one, places, order=1) for one in gray])
    image = np.stack([gray, green, gray], axis=-1)
    return ArraySplit({"image": (255 * image).astype(np.uint8)})


def test_fringes_give_places_away_unless_colours_are_guarded():
    data = Given(fringed_noise(1500, 0), fringed_noise(500, 1))

    def accuracy(color_mode):
        task = RelativePosition(
            patch_size=12,
            gap=3,
            jitter=1,
            min_pixels=None,
            max_pixels=None,
            color_mode=color_mode,
            downsample_prob=0.0,
            rms_scale=1.0,
            fc6_units=64,
            head_units=(64,),
        )
        run = sslkeras.pretrain(
            task,
            data,
            "convnet(filters=(16, 32, 64), strides=(1, 2, 2))",
            steps=200,
            batch_size=128,
            learning_rate=3e-3,
        )
        return run.surrogate_metrics()["accuracy"]

    plain, projected, dropped = (accuracy(mode) for mode in ("none", "project", "drop"))

    # Chance is 0.125. A projected pixel still mixes both places, so that some is left to see.
    assert plain > 0.8
    assert projected < plain - 0.2
    assert dropped < 0.2
