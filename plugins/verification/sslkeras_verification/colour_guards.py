"""What keeps a network from reading places off the colour fringes of a lens.

A lens bends green light otherwise than red and blue: edges have fringes that point away from
the middle of the picture and grow with the distance from it (chromatic aberration). Who sees
the fringes of a patch knows where it lies, and needs no idea of what it shows. C. Doersch et
al., ICCV 2015, section 3.1.
"""

import numpy as np
import tensorflow as tf

# Green against magenta.
_AXIS = np.array([-1.0, 2.0, -1.0])
# Takes the part along that axis out of a colour: B = I - a^T a / (a a^T), symmetric.
PROJECTION = np.eye(3) - np.outer(_AXIS, _AXIS) / (_AXIS @ _AXIS)

# Deviation of the noise, as a part of that of the channel that is kept.
_NOISE = 0.01


def project(images):
    """Colours without their part along green against magenta.

    Args:
        images: float32 `(..., 3)`.

    Returns:
        float32 of the same shape: each pixel `v` as `v B`, with -r + 2 g - b = 0.
    """
    return tf.tensordot(images, tf.constant(PROJECTION, images.dtype), 1)


def drop_channels(patches, seed):
    """One channel of each patch, drawn at random, and noise in the place of the others.

    The noise is Gaussian, about the mean of the kept channel, with a hundredth of its
    deviation.

    Args:
        patches: float32 `(patches, height, width, channels)`.
        seed: int32 `(2,)`.

    Returns:
        float32 of the same shape.
    """
    which, noise = tf.unstack(tf.random.split(seed))
    channels = patches.shape[-1]
    kept = tf.random.stateless_uniform([tf.shape(patches)[0]], which, 0, channels, tf.int32)
    mean, variance = tf.nn.moments(patches, axes=[1, 2])  # (patches, channels)
    mean, variance = (tf.gather(of, kept, batch_dims=1) for of in (mean, variance))
    mean, deviation = (of[:, tf.newaxis, tf.newaxis, tf.newaxis] for of in (mean, variance**0.5))
    drawn = tf.random.stateless_normal(tf.shape(patches), noise) * (_NOISE * deviation) + mean
    is_kept = tf.one_hot(kept, channels, on_value=True, off_value=False, dtype=tf.bool)
    return tf.where(is_kept[:, tf.newaxis, tf.newaxis], patches, drawn)
