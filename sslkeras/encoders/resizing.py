"""Encoders of images at another size than the one they were built for."""

import keras
import tensorflow as tf


def at_size(encoder, shape):
    """`encoder` for images of another height and width, with the same weights.

    A task that shows its network patches or crops builds the trunk for their size. A trunk
    whose weights do not depend on it, such as a stack of convolutions, takes whole images
    as well. Layers are shared, not copied: what trains one trains the other.

    Args:
        encoder: Functional model of one image `(height, width, channels)`.
        shape: Shape of the images, without the batch axis.

    Returns:
        `encoder` itself if it takes such images; else a model that does; None if a weight
        depends on the size, or the images differ in more than that.
    """
    takes = encoder.inputs[0].shape[1:]
    if takes.is_compatible_with(shape):
        return encoder
    shape = tf.TensorShape(shape)
    if takes.rank != 3 or shape.rank != 3 or takes[-1] != shape[-1]:
        return None
    try:
        return _over(encoder, keras.Input(shape))
    except ValueError:  # What Keras raises where a layer does not take the size.
        return None


def _over(model, image):
    """`model` with its own layers on another input."""

    def shared(layer):
        if not isinstance(layer, keras.Model):
            return layer
        # A model within is bound to a size, too. What reaches it there need not be known.
        if len(layer.inputs) != 1 or layer.inputs[0].shape.rank != 4:
            return layer
        return _over(layer, keras.Input((None, None, layer.inputs[0].shape[-1])))

    return keras.models.clone_model(model, input_tensors=image, clone_function=shared)
