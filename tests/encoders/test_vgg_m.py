"""Tests of sslkeras.encoders.vgg_m."""

import numpy as np
import pytest

from sslkeras.encoders.vgg_m import VGGM
from sslkeras.errors import ConfigurationError


def test_the_papers_images_give_the_papers_map():
    model = VGGM()((224, 224, 3))

    assert model.output_shape == (None, 14, 14, 512)
    # Kernels: 49 * 3 * 64 and 9 times 64 * 128, 128^2, 128 * 256, 256^2, 256 * 512, 512^2;
    # normalisation: 2 * (64 + 2 * (128 + 256 + 512)).
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert weights == 9_408 + 9 * 516_096 + 3_712


def test_small_images_can_keep_their_size_in_the_first_layer():
    assert VGGM(width=2, stride=1)((32, 32, 1)).output_shape == (None, 4, 4, 16)


def test_a_clip_is_refused():
    with pytest.raises(ConfigurationError, match="VGGM takes images"):
        VGGM()((4, 32, 32, 3))
