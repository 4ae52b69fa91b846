"""Patches made coarse, so that their sharpness tells nothing."""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.augmentation.separable import apply_separable


def downsample_some(patches, seed, *, probability, min_pixels):
    """Makes some patches small and large again.

    Those chosen are resized to n pixels, n uniform in [`min_pixels`, (side - 1)^2], and back:
    their side to the rounded root of n. Both resizings are bilinear, the first with
    anti-aliasing.

    Args:
        patches: float32 `(patches, side, side, channels)`.
        seed: int32 `(2,)`.
        probability: Of each patch, in [0, 1].
        min_pixels: Least n, in [1, side^2].

    Returns:
        float32 of the same shape.
    """
    if not probability:
        return patches
    side, count = patches.shape[1], tf.shape(patches)[0]
    most_pixels = max((side - 1) ** 2, min_pixels)
    least_side, most_side = round(min_pixels**0.5), round(most_pixels**0.5)
    for_choice, for_pixels = tf.unstack(tf.random.split(seed))
    pixels = tf.random.stateless_uniform([count], for_pixels, min_pixels, most_pixels + 1, tf.int32)
    small = tf.cast(tf.round(tf.sqrt(tf.cast(pixels, tf.float32))), tf.int32)
    chosen = tf.random.stateless_uniform([count], for_choice) < probability
    # The last map leaves a patch as it is.
    index = tf.where(chosen, small - least_side, most_side - least_side + 1)
    maps = tf.gather(_maps(side, max(least_side, 1), most_side), index)
    return apply_separable(patches, maps, maps)


@functools.cache
def _maps(side, least, most):
    """float32 `(most - least + 2, side, side)`: to each size and back; last the identity."""
    maps = []
    with tf.init_scope(), tf.device("CPU:0"):
        identity = tf.eye(side)[tf.newaxis, ..., tf.newaxis]
        for small in range(least, most + 1):
            there = tf.image.resize(identity, (small, side), antialias=True)
            maps.append(tf.image.resize(there, (side, side))[0, ..., 0].numpy())
    return np.stack([*maps, np.eye(side, dtype=np.float32)])
