"""Convolutions over time and space whose gradients are right in bfloat16 as well."""

import keras


def convolution_3d(filters, kernel_size, strides=1, **options) -> keras.layers.Conv3D:
    """A `keras.layers.Conv3D` with zero padding that computes in float32 under mixed precision.

    In bfloat16 TensorFlow's gradients of such kernels are wrong on some processors: oneDNN's
    differ from call to call, and may be infinite. The layer casts what it gets to float32, and
    layers after it cast back to their own precision.

    It takes `(batch, time, height, width, channels)` and gives float32 `(batch, time / strides,
    ..., filters)`, sizes rounded up.

    Args:
        filters: Channels of the output.
        kernel_size: Frames, rows and columns of the kernels, or one number for all three.
        strides: Steps in time, rows and columns, or one number for all three.
        **options: Others of `keras.layers.Conv3D`.
    """
    return keras.layers.Conv3D(
        filters, kernel_size, strides, padding="same", dtype="float32", **options
    )
