"""Tests of sslkeras.encoders.resnet."""

import keras
import numpy as np
import pytest

from sslkeras.encoders.resnet import ResNet18, ResNet34, ResNet50
from sslkeras.errors import ConfigurationError


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


# The counts of torchvision's networks without their classifier: 11689512 - 513000,
# 21797672 - 513000 and 25557032 - 2049000.
@pytest.mark.parametrize(
    "encoder, count", [(ResNet18, 11_176_512), (ResNet34, 21_284_672), (ResNet50, 23_508_032)]
)
def test_weights_are_as_many_as_in_the_known_networks(encoder, count):
    model = encoder()((64, 64, 3))

    assert trainable(model) == count
    assert model.output_shape == (None, 2, 2, 2048 if encoder is ResNet50 else 512)


def test_the_stem_for_small_images_keeps_their_size():
    small, large = ResNet18(width=2)((32, 32, 3)), ResNet18(width=2)((64, 64, 3))

    assert small.get_layer("stem_relu").output_shape == (None, 32, 32, 2)
    assert small.output_shape == (None, 4, 4, 16)
    assert large.get_layer("stem_pool").output_shape == (None, 16, 16, 2)
    # 7 x 7 instead of 3 x 3, for three channels and two filters.
    assert trainable(large) - trainable(small) == (49 - 9) * 3 * 2


def test_the_stem_can_be_chosen():
    assert ResNet18(width=2, small_image_stem=True)((64, 64, 1)).output_shape[1:3] == (8, 8)
    assert ResNet18(width=2, small_image_stem=False)((32, 32, 1)).output_shape[1:3] == (1, 1)


def test_blocks_that_begin_as_the_identity_hand_on_their_input():
    model = ResNet18(width=2, zero_init_residual=True)((8, 8, 1))
    block = keras.Model(
        model.input, [model.get_layer("stem_relu").output, model.get_layer("stage1_1_relu").output]
    )

    before, after = block(np.random.default_rng(0).random((2, 8, 8, 1)))

    np.testing.assert_allclose(after, before, atol=1e-6)


def test_blocks_otherwise_change_their_input():
    model = ResNet18(width=2)((8, 8, 1))
    block = keras.Model(
        model.input, [model.get_layer("stem_relu").output, model.get_layer("stage1_1_relu").output]
    )

    before, after = block(np.random.default_rng(0).random((2, 8, 8, 1)))

    assert np.abs(after - before).max() > 1e-3


def test_the_encoder_survives_saving(tmp_path):
    model = ResNet18(width=2)((8, 8, 1))
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)

    model.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")

    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-5, atol=1e-6)


def test_too_small_images_are_refused():
    with pytest.raises(ConfigurationError, match=r"ResNet18 takes.*8 x 8.*Received: \(7, 9, 1\)"):
        ResNet18()((7, 9, 1))


def test_a_vector_is_refused():
    with pytest.raises(ConfigurationError, match=r"ResNet50 takes images.*Received: \(100,\)"):
        ResNet50()((100,))


def test_a_trunk_can_end_at_any_block():
    # Conv4c of the paper's table: the third block of its fourth stage, at a sixteenth.
    model = ResNet50(width=2, last_block="stage3_3")((64, 64, 3))

    assert model.output_shape == (None, 4, 4, 32)
    assert model.layers[-1].name == "stage3_3_relu"


def test_an_unknown_block_is_refused():
    with pytest.raises(ConfigurationError, match="`last_block` of ResNet18.*stage4_2.*stage3_3'"):
        ResNet18(last_block="stage3_3")
