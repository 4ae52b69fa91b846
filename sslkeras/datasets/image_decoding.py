"""An encoded image of any size as a square of pixels, in TensorFlow."""

import functools

import tensorflow as tf

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp")


def decode_square(data, size, channels):
    """Decodes one image; its short side becomes `size`, of its long side the middle is kept.

    A JPEG much larger than `size` is decoded at a half, a quarter or an eighth of its size,
    which is several times faster.

    Args:
        data: Scalar string: a JPEG, PNG, GIF (its first frame counts) or BMP file.
        size: Side of the result in pixels.
        channels: 1 or 3. Grey images are repeated, colours weighted to grey, alpha dropped.

    Returns:
        uint8 `(size, size, channels)`.

    Raises:
        tf.errors.InvalidArgumentError: When run, if `data` is no such image or is cut off.
    """
    return _square_decoder(size, channels)(data)


@functools.cache
def _square_decoder(size, channels):
    """`decode_square` for one kind of result, traced once for all pipelines."""
    return tf.function(
        lambda data: _decode_square(data, size, channels),
        input_signature=[tf.TensorSpec((), tf.string)],
        autograph=False,
    )


def _decode_square(data, size, channels):
    image = tf.cond(
        tf.io.is_jpeg(data),
        lambda: _decode_jpeg(data, size, channels),
        lambda: _decode_other(data, channels),
    )
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    image = tf.cond(tf.equal(side, size), lambda: image, lambda: _resize(image, size))
    return tf.ensure_shape(image, (size, size, channels))


def _decode_jpeg(data, size, channels):
    shape = tf.io.extract_jpeg_shape(data)
    # How often the short side can be halved, three times at most.
    halvings = tf.cast(
        tf.math.count_nonzero(tf.reduce_min(shape[:2]) >= tf.constant([2, 4, 8]) * size), tf.int32
    )
    return tf.switch_case(
        halvings,
        [
            lambda ratio=ratio: tf.io.decode_jpeg(data, channels=channels, ratio=ratio)
            for ratio in (1, 2, 4, 8)
        ],
    )


def _decode_other(data, channels):
    # Asking for a number of channels is an error for some kinds of GIF, BMP and PNG.
    image = tf.io.decode_image(data, channels=0, expand_animations=False)
    found = tf.shape(image)[2]
    if channels == 3:
        return tf.cond(
            found < 3, lambda: tf.repeat(image[..., :1], 3, axis=2), lambda: image[..., :3]
        )
    return tf.cond(
        found < 3, lambda: image[..., :1], lambda: tf.image.rgb_to_grayscale(image[..., :3])
    )


def _resize(image, size):
    # Without antialias, shrinking would leave out pixels.
    resized = tf.image.resize(image, (size, size), method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
