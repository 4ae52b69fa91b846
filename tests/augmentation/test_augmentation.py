"""What all of sslkeras.augmentation have in common."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import sslkeras.augmentation as augmentation
from sslkeras.errors import ConfigurationError

SEED, OTHER = tf.constant([3, 4]), tf.constant([3, 5])
RANDOM = {
    "random_resized_crop": functools.partial(augmentation.random_resized_crop, size=6),
    "random_horizontal_flip": augmentation.random_horizontal_flip,
    "colour_jitter": functools.partial(augmentation.colour_jitter, probability=0.8),
    "random_grayscale": functools.partial(augmentation.random_grayscale, probability=0.5),
    "random_gaussian_blur": augmentation.random_gaussian_blur,
    "random_solarise": functools.partial(augmentation.random_solarise, probability=0.5),
    "random_cutout": functools.partial(augmentation.random_cutout, side=3),
}
EACH = pytest.mark.parametrize("name", RANDOM)


def image_batch(count=16, channels=3):
    return tf.random.stateless_uniform([count, 8, 9, channels], [0, channels])


def test_every_random_augmentation_is_looked_at_here():
    assert set(RANDOM) == {
        name
        for name in augmentation.__all__
        if name.startswith("random_") or name == "colour_jitter"
    }


@EACH
def test_equal_seeds_give_equal_images_and_others_other_ones(name):
    images = image_batch()

    first, second, other = (RANDOM[name](images, seed) for seed in (SEED, SEED, OTHER))

    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@EACH
@pytest.mark.parametrize("channels", [1, 3])
def test_eager_graph_xla_and_dataset_agree(name, channels):
    images = image_batch(channels=channels)
    eager = RANDOM[name](images, SEED)

    graph = tf.function(RANDOM[name])(images, SEED)
    xla = tf.function(RANDOM[name], jit_compile=True)(images, SEED)
    # Of unknown batch size.
    batches = tf.data.Dataset.from_tensor_slices(images).batch(16)
    (mapped,) = batches.map(lambda batch: RANDOM[name](batch, SEED))

    assert eager.shape[-1] == channels
    for other in (graph, xla, mapped):
        np.testing.assert_allclose(other, eager, atol=1e-5)


@EACH
def test_images_of_a_batch_are_changed_in_different_ways(name):
    same = tf.repeat(image_batch(1), 64, axis=0)

    changed = RANDOM[name](same, SEED).numpy()

    assert len({image.tobytes() for image in changed}) > 1


@EACH
def test_values_stay_in_the_unit_range(name):
    changed = RANDOM[name](image_batch(64), SEED).numpy()

    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6


@EACH
@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 8, 4), (2, None, 8, 3)])
def test_what_is_no_batch_of_images_is_refused(name, shape):
    with pytest.raises(ConfigurationError, match=r"takes images \(batch, height, width"):
        tf.function(RANDOM[name]).get_concrete_function(tf.TensorSpec(shape), SEED)
