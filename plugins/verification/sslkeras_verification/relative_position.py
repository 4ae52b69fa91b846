"""Relative position: where does the second patch lie, as seen from the first?

C. Doersch, A. Gupta, A. A. Efros, "Unsupervised Visual Representation Learning by Context
Prediction", ICCV 2015, https://arxiv.org/abs/1505.05192.
"""

import math

import keras
import tensorflow as tf

from sslkeras import Task, report
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real
from sslkeras_verification.colour_guards import drop_channels, project
from sslkeras_verification.column import dense_block, frame_columns
from sslkeras_verification.downsampling import downsample_some
from sslkeras_verification.patch_normalization import normalised_trunk
from sslkeras_verification.patches import cut, cut_resized, draw_below, require_images

# Class to the offset of the second patch, in cells: to the right, and down.
OFFSETS = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))
_NAMES = (
    "above left",
    "above",
    "above right",
    "left",
    "right",
    "below left",
    "below",
    "below right",
)


class RelativePosition(Task):
    """Tells in which of 8 directions the second of two patches lies from the first.

    Withheld is how two neighbouring patches of one image lie to each other. Where a patch
    belongs can be told by recognising what it shows a part of.

    The image is resized to a random size. A grid of patches with gaps is laid over it at a
    random place, and two neighbours in it are drawn, the direction first, so that all are
    equally frequent; with `first="centre"` the first of them is always the middle one of
    3 x 3. Trivial answers are ruled out:

    - Lines and textures that run from one patch into the other: there is a gap between them,
      and each patch is shifted by a few pixels on its own.
    - How coarse the pixels are: some patches are made small and large again.
    - Colour fringes of the lens, which tell where in the picture a patch lies
      (`color_mode`); gray images have none.
    - Brightness and contrast: the mean is taken out of each channel and the patch brought to
      one contrast, inside the encoder.

    Both patches pass the same trunk in one batch. A trunk that gives a map is followed by
    fc6; one that gives a vector is taken as it is. Their features side by side, the first
    patch's first, go through the head. Losses are averaged over all pairs.

    Args:
        patch_size: Side of a patch in pixels, >= 4. Defaults to 96, as in the paper.
        gap: Pixels between two cells of the grid. Defaults to 48, as in the paper; 0 leaves
            the way open that edges run across.
        jitter: Greatest shift of a patch on each axis in pixels; twice that must be at most
            `gap`, or patches could overlap. Defaults to 7, as in the paper.
        min_pixels: Least number of pixels of the resized image, aspect ratio kept. Defaults
            to 150,000, as in the paper; None, with `max_pixels`: images keep their size.
        max_pixels: Greatest number. Defaults to 450,000, as in the paper.
        color_mode: "drop": one channel of each patch is kept and noise takes the place of the
            others, as in the paper's first choice. "project": colours lose their part along
            green against magenta, the paper's second. "none": colours stay.
        downsample_prob: Share of the patches that are made coarse, in [0, 1]. Defaults to
            0.33, as in the paper's code.
        downsample_min_pixels: Least number of pixels of those. Defaults to 100.
        pairs_per_image: Pairs drawn of each image, each with a grid of its own. Defaults to 1.
        first: Which patch of the grid is the first one. "any": one that has a neighbour in the
            direction drawn, as in the paper. "centre": the middle one of 3 x 3, so that each
            image must hold three patches on each axis; the direction is then told more easily,
            as the first patch always shows the middle of what the nine show.
        rms_scale: Root mean square of what the trunk sees of a patch, > 0. Defaults to 50, as
            in the paper's code; small trunks that expect pixels of unit scale take 1.
        fc6_units: Width of a patch's features. Defaults to 4096, as in the paper.
        head_units: Widths of the head's layers, fc7 and so on. Defaults to (4096, 4096), as in
            the paper.
        batch_norm: Whether fc6 and fc7 are normalised, without learned scale and shift, as in
            the paper; with them a layer could fall silent early on.

    Raises:
        ConfigurationError: If an argument is out of range or does not fit another one.
        DataError: If images differ in size, cannot hold two patches on each axis, or are
            neither gray nor in colour.
    """

    targets_in_inputs = "none"
    hyperparameters = {
        "patch_size": Integer(4, unit="pixels"),
        "gap": Integer(0, unit="pixels"),
        "jitter": Integer(0, unit="pixels"),
        "min_pixels": Optional(Integer(1), "images keep their size"),
        "max_pixels": Optional(Integer(1), "images keep their size"),
        "color_mode": Choice("drop", "project", "none"),
        "downsample_prob": Real(0, 1),
        "downsample_min_pixels": Integer(1),
        "pairs_per_image": Integer(1),
        "first": Choice("any", "centre"),
        "rms_scale": Real(0, closed="neither"),
        "fc6_units": Integer(1),
        "head_units": ListOf(Integer(1), min_length=1),
        "batch_norm": Boolean(),
    }

    def __init__(
        self,
        *,
        patch_size=96,
        gap=48,
        jitter=7,
        min_pixels=150_000,
        max_pixels=450_000,
        color_mode="drop",
        downsample_prob=0.33,
        downsample_min_pixels=100,
        pairs_per_image=1,
        first="any",
        rms_scale=50.0,
        fc6_units=4096,
        head_units=(4096, 4096),
        batch_norm=True,
    ):
        super().__init__(
            patch_size=patch_size,
            gap=gap,
            jitter=jitter,
            min_pixels=min_pixels,
            max_pixels=max_pixels,
            color_mode=color_mode,
            downsample_prob=downsample_prob,
            downsample_min_pixels=downsample_min_pixels,
            pairs_per_image=pairs_per_image,
            first=first,
            rms_scale=rms_scale,
            fc6_units=fc6_units,
            head_units=head_units,
            batch_norm=batch_norm,
        )
        if self.gap and 2 * self.jitter > self.gap:
            raise ConfigurationError(
                "`jitter` of RelativePosition must be at most half of `gap`, or patches could "
                f"overlap. Received: jitter={self.jitter}, gap={self.gap}. Change one of them."
            )
        if not self.gap:
            report.warn(
                "Without a gap lines run from one patch into the next, and nothing need be "
                "recognised: `gap` of RelativePosition should be about half of `patch_size`."
            )
        resizes = self.min_pixels, self.max_pixels
        if (None in resizes) != (resizes == (None, None)):
            raise ConfigurationError(
                "`min_pixels` and `max_pixels` of RelativePosition must both be numbers or both "
                f"None. Received: {resizes[0]} and {resizes[1]}. Give both."
            )
        if None not in resizes and self.min_pixels > self.max_pixels:
            raise ConfigurationError(
                "`min_pixels` of RelativePosition must be at most `max_pixels`. Received: "
                f"min_pixels={self.min_pixels}, max_pixels={self.max_pixels}. Exchange them."
            )
        if self.downsample_min_pixels > self.patch_size**2:
            raise ConfigurationError(
                "`downsample_min_pixels` of RelativePosition must be at most those of a patch, "
                f"{self.patch_size**2}. Received: downsample_min_pixels="
                f"{self.downsample_min_pixels}. Choose a smaller number."
            )
        least = 1 if self.min_pixels else self.least_side
        self.reads = {"image": (least, least, 1)}

    @property
    def least_side(self) -> int:
        """Pixels that each side of the resized image must have."""
        return self.least_grid + self.jitter + 1

    @property
    def least_grid(self) -> int:
        """Side in pixels of the smallest grid that holds a pair in every direction."""
        cells = 3 if self.first == "centre" else 2
        return cells * self.patch_size + (cells - 1) * self.gap

    def check(self, split):
        super().check(split)
        require_images(type(self).__name__, split, colour_steps=self.color_mode != "none")
        height, width, _ = split.features["image"].shape
        smallest = self.smallest_size(height, width)
        if min(smallest) < self.least_side:
            cells = "three" if self.first == "centre" else "two"
            raise DataError(
                f"RelativePosition needs images that hold {cells} patches on each axis, which "
                f"takes {self.least_side} x {self.least_side} pixels. Received: {height} x "
                f"{width}, which may become {smallest[0]} x {smallest[1]}. Choose images with "
                "sides less unlike each other, a greater `min_pixels` or a smaller `patch_size`."
            )

    def smallest_size(self, height, width):
        """Height and width of the smallest size that such an image is resized to."""
        if not self.min_pixels:
            return height, width
        scale = math.sqrt(self.min_pixels / (height * width))
        # One less than rounded, as the draw is in float32.
        return math.floor(height * scale), math.floor(width * scale)

    def pretext(self, batch, seed):
        """Cuts pairs of neighbouring patches.

        Returns:
            float32 `(batch, pairs_per_image, 2, patch_size, patch_size, channels)`, about in
            [0, 1], and int32 `(batch, pairs_per_image)`: the class of the direction from the
            first to the second, see `OFFSETS`.
        """
        image = batch["image"]
        height, width, channels = image.shape[1:]
        for_size, for_places, for_scale, for_colour = tf.unstack(tf.random.split(seed, 4))
        sizes = self.draw_sizes(tf.shape(image)[0], height, width, for_size)
        corners, label = self.draw_places(sizes, for_places)
        corners = tf.reshape(corners, [-1, 2 * self.pairs_per_image, 2])
        side = self.patch_size
        if self.min_pixels:
            smallest = self.smallest_size(height, width)
            patches = cut_resized(image, sizes, corners, side, smallest)
        else:
            patches = cut(image, corners, side, side)
        patches = tf.reshape(patches, [-1, side, side, channels])
        patches = downsample_some(
            patches,
            for_scale,
            probability=self.downsample_prob,
            min_pixels=self.downsample_min_pixels,
        )
        if channels == 3 and self.color_mode == "drop":
            patches = drop_channels(patches, for_colour)
        elif channels == 3 and self.color_mode == "project":
            patches = project(patches)
        return tf.reshape(patches, [-1, self.pairs_per_image, 2, side, side, channels]), label

    def draw_sizes(self, count, height, width, seed):
        """int32 `(count, 2)`: height and width that each image is resized to."""
        if not self.min_pixels:
            return tf.tile([[height, width]], [count, 1])
        pixels = tf.random.stateless_uniform([count, 1], seed, self.min_pixels, self.max_pixels)
        size = tf.sqrt(pixels / (height * width)) * [float(height), float(width)]
        return tf.cast(tf.round(size), tf.int32)

    def draw_places(self, sizes, seed):
        """Where the patches lie.

        Args:
            sizes: int32 `(batch, 2)`: height and width of the images.
            seed: int32 `(2,)`.

        Returns:
            int32 `(batch, pairs_per_image, 2, 2)`, row and column of both patches' top left
            pixels, and int32 `(batch, pairs_per_image)`, the class.
        """
        for_label, for_grid, for_cell, for_jitter = tf.unstack(tf.random.split(seed, 4))
        count, pairs, pitch = tf.shape(sizes)[0], self.pairs_per_image, self.patch_size + self.gap
        label = tf.random.stateless_uniform([count, pairs], for_label, 0, len(OFFSETS), tf.int32)
        step = tf.gather([(down, right) for right, down in OFFSETS], label)
        sizes = tf.tile(sizes[:, tf.newaxis], [1, pairs, 1])
        # The least grid fits on each axis wherever it begins, whatever the direction.
        starts = sizes - self.least_grid + 1
        if self.first == "centre":
            origin = draw_below(starts, for_grid)
            cell = tf.ones_like(step)
        else:
            origin = draw_below(tf.minimum(starts, pitch), for_grid)
            cells = grid_cells(sizes, origin, self.patch_size, self.gap)
            cell = draw_below(cells - tf.abs(step), for_cell) + tf.nn.relu(-step)
        corners = origin[:, :, tf.newaxis] + pitch * tf.stack([cell, cell + step], axis=2)
        corners += tf.random.stateless_uniform(
            tf.shape(corners), for_jitter, -self.jitter, self.jitter + 1, tf.int32
        )
        return tf.clip_by_value(corners, 0, sizes[:, :, tf.newaxis] - self.patch_size), label

    def build_model(self, inputs, encoder, data):
        """Builds pairs -> "encoder", fc6 of each patch -> fc7 ... of each pair -> 8 logits."""
        shape = tuple(inputs.shape[1:])
        pairs = keras.Input(shape, name="pairs")
        trunk = normalised_trunk(encoder, shape[2:], self.rms_scale)
        patches = keras.layers.Reshape((shape[0] * 2, *shape[2:]), name="patches")(pairs)
        rest = {"batch_norm": self.batch_norm, "affine": False, "dropout": 0.0}
        values = frame_columns(trunk, patches, [self.fc6_units], **rest)
        values = keras.layers.Reshape((shape[0], -1), name="side_by_side")(values)
        for number, units in enumerate(self.head_units):
            rest["batch_norm"] = self.batch_norm and number == 0
            values = dense_block(values, units, name=f"fc{number + 7}", **rest)
        logits = keras.layers.Dense(len(OFFSETS), dtype="float32", name="direction")(values)
        return keras.Model(pairs, logits, name="relative_position")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("accuracy")]

    def draw(self, inputs, targets, predictions):
        """Both patches of an image's first pair, the direction and the answer."""
        return {
            "first": inputs[:, 0, 0],
            "second": inputs[:, 0, 1],
            "lies": [_NAMES[int(one)] for one in targets[:, 0]],
            "answered": [_NAMES[int(one)] for one in tf.argmax(predictions[:, 0], axis=-1)],
        }


def grid_cells(size, origin, patch_size, gap):
    """How many cells a grid that begins at `origin` has on an axis of `size` pixels."""
    return (size + gap - origin) // (patch_size + gap)
