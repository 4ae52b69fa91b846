"""Dirt on a window: it covers part of the scene and adds light of its own.

Per pixel `x = p * (alpha * D) + (1 - alpha) * y` (Eigen et al. 2013) with opacity alpha,
dirt colour D and a random colour of the light p. Where no measured alpha and alpha * D
are given, specks stand in for them:

    alpha = 1 - prod_i (1 - o_i exp(-d_i^2 / (2 r_i^2)))
"""

import tensorflow as tf


def add_dirt(clean, opacity, dirt, light):
    """Composites dirt over images.

    Args:
        clean: float `(batch, height, width, 3)`, y.
        opacity: float `(batch, height, width, 1)` or with 3 channels, alpha in [0, 1].
        dirt: float `(batch, height, width, 3)`, alpha * D.
        light: float `(batch, 1, 1, 3)`, p.

    Returns:
        float `(batch, height, width, 3)`, x; not clipped.
    """
    return light * dirt + (1.0 - opacity) * clean


def speck_opacity(centres, radii, opacities, size):
    """Opacity of a pane with Gaussian specks.

    Args:
        centres: float `(batch, specks, 2)`, row and column in pixels.
        radii: float `(batch, specks)`, in pixels.
        opacities: float `(batch, specks)`, in the middle of each speck.
        size: Rows and columns of the pane.

    Returns:
        float `(batch, size, size, 1)` in [0, 1].
    """
    steps = tf.range(size, dtype=tf.float32)

    def shine_through(pane, speck):
        centre, radius, opacity = speck
        # exp(-(dy^2 + dx^2)) is an outer product of a row and a column profile.
        away = (steps - centre[:, :, tf.newaxis]) / radius[:, tf.newaxis, tf.newaxis]
        profile = tf.exp(-0.5 * tf.square(away))
        covered = profile[:, 0, :, tf.newaxis] * profile[:, 1, tf.newaxis, :]
        return pane * (1.0 - opacity[:, tf.newaxis, tf.newaxis] * covered)

    specks = (
        tf.transpose(centres, (1, 0, 2)),
        tf.transpose(radii),
        tf.transpose(opacities),
    )
    # One speck at a time: all at once would need batch x specks x size x size numbers.
    pane = tf.foldl(shine_through, specks, tf.ones([tf.shape(radii)[0], size, size]))
    return 1.0 - pane[..., tf.newaxis]


def draw_specks(seed, batch, size, *, count, radius, opacity):
    """Draws the opacity of a pane for each image.

    Args:
        seed: int32 `(2,)`.
        batch: Number of images.
        size: Rows and columns.
        count: Number of specks.
        radius: Range of the radii in pixels.
        opacity: Range of the opacities.

    Returns:
        float `(batch, size, size, 1)`.
    """
    if count == 0:
        return tf.zeros([batch, size, size, 1])
    places, radii, opacities = tf.unstack(tf.random.split(seed, 3))
    return speck_opacity(
        tf.random.stateless_uniform((batch, count, 2), places, 0.0, float(size)),
        tf.random.stateless_uniform((batch, count), radii, *radius),
        tf.random.stateless_uniform((batch, count), opacities, *opacity),
        size,
    )


def draw_light(seed, batch, *, jitter, brightness):
    """Draws p: each channel from U(1 - jitter, 1 + jitter), all times one U(brightness).

    Returns:
        float `(batch, 1, 1, 3)`.
    """
    channels, common = tf.unstack(tf.random.split(seed, 2))
    tint = tf.random.stateless_uniform((batch, 1, 1, 3), channels, 1.0 - jitter, 1.0 + jitter)
    return tint * tf.random.stateless_uniform((batch, 1, 1, 1), common, *brightness)
