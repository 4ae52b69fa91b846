"""Colour jitter: brightness, contrast, saturation and hue, in random order.

A. G. Howard, "Some Improvements on Deep Convolutional Neural Network Based Image
Classification", 2013, https://arxiv.org/abs/1312.5402; the formulas are those of torchvision.
"""

import tensorflow as tf

from sslkeras.augmentation.chance import chosen, drawn, pick, split
from sslkeras.augmentation.grayscale import LUMA
from sslkeras.augmentation.image_batch import check_images
from sslkeras.hyperparameters import Real, check_argument

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
_STRENGTH = Real(0)


def colour_jitter(
    images, seed, *, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, probability=1.0
):
    """Changes the colours of some images, each in another way and another order.

    Factors are uniform in [max(0, 1 - strength), 1 + strength], the shift of hue in
    [-hue, hue]; all 24 orders are equally likely. Gray images change in brightness and
    contrast alone.

    Args:
        images: float32 `(batch, height, width, channels)` in [0, 1].
        seed: int32 `(2,)`.
        brightness, contrast, saturation: Strengths, >= 0; 0 leaves that out.
        hue: Strength as a part of the colour circle, in [0, 0.5]; 0 leaves it out.
        probability: Of each image, in [0, 1].

    Returns:
        Images of the same shape, in [0, 1].

    Raises:
        ConfigurationError: If an argument is out of range, or `images` are none.
    """
    owner = "colour_jitter"
    check_images(owner, images)
    strengths = (
        check_argument(owner, "brightness", brightness, _STRENGTH),
        check_argument(owner, "contrast", contrast, _STRENGTH),
        check_argument(owner, "saturation", saturation, _STRENGTH),
    )
    hue = check_argument(owner, "hue", hue, Real(0, 0.5, unit="of the colour circle"))
    for_choice, for_factors, for_order = split(seed, 3)
    changed = chosen(owner, for_choice, images, probability)[:, tf.newaxis]
    draws = drawn(for_factors, images, 4)
    low = [max(0.0, 1.0 - strength) for strength in strengths]
    span = [1.0 + strength - least for strength, least in zip(strengths, low)]
    factors = tf.where(changed, tf.constant(low) + tf.constant(span) * draws[:, :3], 1.0)
    shift = tf.where(changed[:, 0], hue * (2.0 * draws[:, 3] - 1.0), 0.0)
    order = tf.argsort(drawn(for_order, images, 4), axis=1)
    return adjust_colours(images, factors, shift if hue else None, order)


def adjust_colours(images, factors, shift, order):
    """Changes brightness, contrast, saturation and hue of each image in its own order.

    With the luma y of each pixel and its mean m over the image, a factor f gives

        brightness f x,   contrast f x + (1 - f) m,   saturation f x + (1 - f) y

    clipped to [0, 1] after each. A factor of 1 and a shift of 0 change
    nothing.

    Args:
        images: float32 `(batch, height, width, channels)` in [0, 1]. Gray images have
            neither saturation nor hue to change.
        factors: float32 `(batch, 3)`, >= 0: brightness, contrast, saturation.
        shift: float32 `(batch,)`: parts of the colour circle by which hues move towards
            green, in [-1, 1]; None to leave hues alone.
        order: int32 `(batch, 4)`: in each row 0 to 3, for brightness, contrast, saturation
            and hue, in the order of their turns.

    Returns:
        Images of the same shape, in [0, 1].

    Raises:
        ConfigurationError: If `images` are none.
    """
    channels = check_images("adjust_colours", images)
    count = tf.shape(images)[0]
    # Channels first: each channel is then one stretch of memory, three times as quick.
    pixels = tf.transpose(tf.reshape(images, [count, -1, channels]), [0, 2, 1])
    turn = tf.argsort(order, axis=1)  # (batch, 4): when each operation has its turn
    if channels == 1 or shift is None:
        for which in range(4):
            pixels = _blend(pixels, order[:, which], factors)
    else:
        # All that come before the hue, the hue of all images at once, all that come after.
        hue_turn = turn[:, HUE]
        for which in range(3):
            now = tf.where(which < hue_turn, order[:, which], HUE)
            pixels = _blend(pixels, now, factors)
        pixels = _shift_hue(pixels, shift)
        for which in range(1, 4):
            now = tf.where(which > hue_turn, order[:, which], HUE)
            pixels = _blend(pixels, now, factors)
    return tf.reshape(tf.transpose(pixels, [0, 2, 1]), tf.shape(images))


def _blend(pixels, operation, factors):
    """One of the three mixtures for each image, or nothing where `operation` is `HUE`.

    Args:
        pixels: float32 `(batch, channels, pixels)`.
        operation: int32 `(batch,)`.
        factors: float32 `(batch, 3)`.
    """
    channels = pixels.shape[1]
    if channels == 1:
        operation = tf.where(operation == SATURATION, HUE, operation)
    luma = tf.constant(LUMA if channels == 3 else (1.0,))
    with_one = tf.pad(factors, [[0, 0], [0, 1]], constant_values=1.0)
    factor = tf.gather(with_one, operation, batch_dims=1)
    rest = (1.0 - factor)[:, tf.newaxis]
    # f x + (1 - f) y is a matrix on the channels, f x + (1 - f) m adds a constant.
    to_luma = tf.where((operation == SATURATION)[:, tf.newaxis], rest, 0.0)
    mixture = (
        factor[:, tf.newaxis, tf.newaxis] * tf.eye(channels)
        + to_luma[:, tf.newaxis] * luma[tf.newaxis]
    )
    mean = tf.reduce_sum(tf.reduce_mean(pixels, axis=2) * luma, axis=1, keepdims=True)
    constant = tf.where((operation == CONTRAST)[:, tf.newaxis], rest * mean, 0.0)
    mixed = tf.matmul(mixture, pixels) + constant[:, tf.newaxis]
    return tf.clip_by_value(mixed, 0.0, 1.0)


def _shift_hue(pixels, shift):
    """Moves hues along the colour circle, with value and chroma as they are.

    On the hexagon of HSV, with h in [0, 6) and chroma c = max - min, each channel is
    min + c * clip(|(h + offset) mod 6 - 3| - 1, 0, 1), offset 0, 4 and 2.
    """
    red, green, blue = tf.unstack(pixels, axis=1)
    greatest, least = tf.reduce_max(pixels, axis=1), tf.reduce_min(pixels, axis=1)
    chroma = greatest - least
    is_red, is_green = greatest == red, greatest == green
    difference = tf.where(is_red, green - blue, tf.where(is_green, blue - red, red - green))
    sector = tf.where(is_red, 0.0, tf.where(is_green, 2.0, 4.0))
    hue = sector + tf.math.divide_no_nan(difference, chroma) + 6.0 * shift[:, tf.newaxis]
    channels = []
    for offset in (0.0, 4.0, 2.0):
        turned = hue + offset
        # Quicker than tf.math.floormod.
        turned -= 6.0 * tf.floor(turned / 6.0)
        height = tf.clip_by_value(tf.abs(turned - 3.0) - 1.0, 0.0, 1.0)
        channels.append(least + chroma * height)
    # Without rounding where nothing moves.
    return pick(shift == 0, pixels, tf.stack(channels, axis=1))
