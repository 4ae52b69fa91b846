"""What every augmentation takes: a batch of gray or colour images."""

import tensorflow as tf

from sslkeras.errors import ConfigurationError


def check_images(owner, images):
    """Number of channels of a batch of images, 1 or 3.

    Args:
        owner: Name of the augmentation, for the message.
        images: Tensor; height, width and channels must be known.

    Raises:
        ConfigurationError: If it is no such batch.
    """
    shape = tf.TensorShape(images.shape)
    if shape.rank != 4 or None in shape[1:].as_list() or shape[-1] not in (1, 3):
        raise ConfigurationError(
            f"{owner} takes images (batch, height, width, channels) of known size with 1 or 3 "
            f"channels. Received: {shape}. Resize or convert them first."
        )
    return shape[-1]
