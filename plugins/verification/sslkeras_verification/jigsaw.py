"""Jigsaw puzzles: how were the tiles of this image shuffled?

M. Noroozi, P. Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw
Puzzles", ECCV 2016, https://arxiv.org/abs/1603.09246 (the context-free network).
"""

import keras
import tensorflow as tf

from sslkeras import Task, report
from sslkeras.augmentation import grayscale
from sslkeras.augmentation.chance import pick
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    AnyOf,
    Boolean,
    Choice,
    Integer,
    ListOf,
    Optional,
    Real,
    Text,
)
from sslkeras_verification.column import dense_block, frame_columns
from sslkeras_verification.patch_normalization import normalised_trunk
from sslkeras_verification.patches import cut, cut_channels, require_images
from sslkeras_verification.permutation_classes import PermutationClasses
from sslkeras_verification.permutations import (
    checked_set,
    finished,
    permutation_set,
    pool_size,
    read_set,
)


class Jigsaw(Task):
    """Tells by which of N permutations the tiles of an image were shuffled.

    Withheld is how the tiles lie; predicted is the number of the permutation in a fixed set.
    Who knows what the tiles are parts of can tell, also of a tile that says little by itself,
    as the others leave it one place. The set is chosen so that any two permutations differ in
    many tiles (`permutations.greedy`): one that is hard to place does not decide.

    Slot i shows the tile of cell `permutation[i]`, counted row by row from 0. Each tile passes
    the same trunk by itself, and fc6; the features meet in fc7 only, side by side in the order
    of the slots. So the trunk must learn what a tile is, as it cannot compare it with its
    neighbours. Trivial answers are ruled out:

    - Edges that continue: tiles lie at random places in their cells, so the gaps are random.
    - Brightness and contrast: the mean is taken out of each channel of a tile, and the tile
      brought to one deviation, inside the encoder (`normalize_tiles`).
    - Colour fringes of the lens, which tell where a tile lies: some puzzles are gray; in the
      others the channels of each tile are shifted by a few pixels against each other.
    - Tiles that are always in one place: the permutation is drawn anew on each visit.

    Args:
        grid: Tiles on a side, >= 2. Defaults to 3. Above 3 the set is chosen from 100,000
            permutations drawn at random.
        num_permutations: N, >= 2. Defaults to 100; the paper's best is 1000.
        permutation_mode: "max": permutations far from each other, as in the paper; "middle":
            at random; "min": close to each other; "custom": `permutations`, all of them.
        permutations: With "custom": rows of tile numbers from 0 or from 1, or the path of a
            .npy file or of a text file with a permutation a line. Else None.
        min_distance: Permutations are left out until any two differ in so many tiles; fewer
            than N are left. None for all.
        permutation_seed: Chooses the first permutation.
        short_side: Pixels to which the short side of the image is resized, at least `window`;
            of the long side the middle is used. None: as it is. Defaults to 256.
        window: Side in pixels of the square that is cut out at random. Defaults to 255, as in
            the paper's code.
        cell: Side of a cell in pixels. Defaults to 85.
        tile: Side of a tile in pixels, at most `cell`. Defaults to 64.
        channel_jitter: Greatest shift of a channel on each axis in pixels; a shift that leads
            out of the cell ends at its border. Defaults to 2.
        gray_prob: Share of the puzzles that are gray, in [0, 1]. Defaults to 0.3.
        normalize_tiles: Whether tiles are normalised.
        fc6_units: Width of a tile's features, where the trunk gives a map; a vector is taken
            as it is. Defaults to 512, as in the paper.
        fc7_units: Width of the layer that sees all tiles. Defaults to 4096, as in the paper.
        dropout: Share of the units of fc6 and fc7 that is dropped, in [0, 1).

    Raises:
        ConfigurationError: If an argument is out of range or does not fit another one, or
            `permutations` are none.
        DataError: If images differ in size, are smaller than the window, or are neither gray
            nor in colour.
    """

    targets_in_inputs = "none"
    hyperparameters = {
        "grid": Integer(2),
        "num_permutations": Integer(2),
        "permutation_mode": Choice("max", "middle", "min", "custom"),
        "permutations": Optional(
            AnyOf(ListOf(ListOf(Integer(0)), min_length=2), Text("the path of a file")),
            "chosen by `permutation_mode`",
        ),
        "min_distance": Optional(Integer(2, unit="tiles"), "all permutations"),
        "permutation_seed": Integer(0),
        "short_side": Optional(Integer(1, unit="pixels"), "images keep their size"),
        "window": Integer(1, unit="pixels"),
        "cell": Integer(1, unit="pixels"),
        "tile": Integer(1, unit="pixels"),
        "channel_jitter": Integer(0, unit="pixels"),
        "gray_prob": Real(0, 1),
        "normalize_tiles": Boolean(),
        "fc6_units": Integer(1),
        "fc7_units": Integer(1),
        "dropout": Real(0, 1, closed="left"),
    }

    def __init__(
        self,
        *,
        grid=3,
        num_permutations=100,
        permutation_mode="max",
        permutations=None,
        min_distance=None,
        permutation_seed=0,
        short_side=256,
        window=255,
        cell=85,
        tile=64,
        channel_jitter=2,
        gray_prob=0.3,
        normalize_tiles=True,
        fc6_units=512,
        fc7_units=4096,
        dropout=0.5,
    ):
        super().__init__(
            grid=grid,
            num_permutations=num_permutations,
            permutation_mode=permutation_mode,
            permutations=permutations,
            min_distance=min_distance,
            permutation_seed=permutation_seed,
            short_side=short_side,
            window=window,
            cell=cell,
            tile=tile,
            channel_jitter=channel_jitter,
            gray_prob=gray_prob,
            normalize_tiles=normalize_tiles,
            fc6_units=fc6_units,
            fc7_units=fc7_units,
            dropout=dropout,
        )
        self._check_sizes()
        self._permutation_set = self._choose_permutations()
        least = 1 if self.short_side else self.window
        self.reads = {"image": (least, least, 1)}

    def _check_sizes(self):
        def refuse(must, **received):
            given = ", ".join(f"{name}={value}" for name, value in received.items())
            raise ConfigurationError(f"{must} Received: {given}. Change one of them.")

        if self.grid * self.cell > self.window:
            refuse(
                "`grid` times `cell` of Jigsaw must be at most `window`.",
                grid=self.grid,
                cell=self.cell,
                window=self.window,
            )
        if self.tile + 2 * self.channel_jitter > self.cell:
            refuse(
                "`tile` of Jigsaw with `channel_jitter` on both sides must be at most `cell`.",
                tile=self.tile,
                channel_jitter=self.channel_jitter,
                cell=self.cell,
            )
        if self.short_side is not None and self.short_side < self.window:
            refuse(
                "`short_side` of Jigsaw must be at least `window`.",
                short_side=self.short_side,
                window=self.window,
            )
        if self.tile == self.cell:
            report.warn(
                "Tiles as large as their cells touch each other, and edges run across: `tile` of "
                "Jigsaw should be smaller than `cell`."
            )

    def _choose_permutations(self):
        tiles = self.grid**2
        if self.min_distance is not None and self.min_distance > tiles:
            raise ConfigurationError(
                f"`min_distance` of Jigsaw must be at most the number of tiles, {tiles}. Received: "
                f"min_distance={self.min_distance}. Choose a smaller one."
            )
        if (self.permutation_mode == "custom") != (self.permutations is not None):
            raise ConfigurationError(
                "`permutations` of Jigsaw must be given with permutation_mode='custom', and only "
                f"then. Received: permutation_mode={self.permutation_mode!r} "
                f"{'without' if self.permutations is None else 'with'} permutations. Give both."
            )
        if self.permutation_mode == "custom":
            rows = self.permutations
            rows = read_set(rows) if isinstance(rows, str) else rows
            return finished(checked_set(rows, tiles), self.min_distance)
        if self.num_permutations > pool_size(tiles):
            raise ConfigurationError(
                f"`num_permutations` of Jigsaw must be at most {pool_size(tiles)} with "
                f"{self.grid} x {self.grid} tiles. Received: num_permutations="
                f"{self.num_permutations}. Choose fewer."
            )
        if self.grid > 3:
            report.warn(
                f"There are too many permutations of {tiles} tiles to look at all of them: Jigsaw "
                f"chooses from {pool_size(tiles)} drawn at random. The paper has 3 x 3 tiles."
            )
        return permutation_set(
            tiles,
            self.num_permutations,
            self.permutation_mode,
            self.permutation_seed,
            self.min_distance,
        )

    @property
    def permutation_set(self):
        """int32 array `(classes, tiles)`: slot i shows the tile of cell `[class, i]`."""
        return self._permutation_set

    def check(self, split):
        super().check(split)
        changes = self.channel_jitter > 0 or self.gray_prob > 0
        require_images(type(self).__name__, split, colour_steps=changes)

    def pretext(self, batch, seed):
        """Cuts the tiles and shuffles them.

        Returns:
            float32 `(batch, tiles, tile, tile, channels)` in [0, 1], shuffled, and int32
            `(batch,)`: the number of the permutation.
        """
        image = resize_short_side(batch["image"], self.short_side)
        count, channels = tf.shape(image)[0], image.shape[-1]
        for_label, for_place, for_gray = tf.unstack(tf.random.split(seed, 3))
        label = tf.random.stateless_uniform(
            [count], for_label, 0, len(self.permutation_set), tf.int32
        )
        gray = tf.random.stateless_uniform([count], for_gray) < self.gray_prob
        corners = self.draw_corners(label, gray, *image.shape[1:], for_place)
        if channels == 1 or not self.channel_jitter:
            tiles = cut(image, corners[:, :, 0], self.tile, self.tile)
        else:
            tiles = cut_channels(image, corners, self.tile)
        if channels == 3 and self.gray_prob:
            tiles = tf.reshape(tiles, [-1, *tiles.shape[2:]])
            tiles = pick(tf.repeat(gray, self.grid**2), grayscale(tiles), tiles)
            tiles = tf.reshape(tiles, [-1, self.grid**2, *tiles.shape[1:]])
        return tiles, label

    def draw_corners(self, label, gray, height, width, channels, seed):
        """Where each channel of each tile is cut out, in the order of the slots.

        Args:
            label: int32 `(batch,)`: number of the permutation.
            gray: bool `(batch,)`: whether the channels stay together.
            height, width, channels: Of the image.
            seed: int32 `(2,)`.

        Returns:
            int32 `(batch, tiles, channels, 2)`: row and column of the top left pixels.
        """
        for_window, for_tile, for_channel = tf.unstack(tf.random.split(seed, 3))
        count, tiles, free = tf.shape(label)[0], self.grid**2, self.cell - self.tile
        square = min(height, width)
        middle = tf.constant([(height - square) // 2, (width - square) // 2])
        window = middle + tf.random.stateless_uniform(
            [count, 2], for_window, 0, square - self.window + 1, tf.int32
        )
        number = tf.gather(self.permutation_set, label)  # (batch, tiles)
        cells = tf.stack([number // self.grid, number % self.grid], axis=-1) * self.cell
        place = tf.random.stateless_uniform([count, tiles, 2], for_tile, 0, free + 1, tf.int32)
        shift = tf.random.stateless_uniform(
            [count, tiles, channels, 2],
            for_channel,
            -self.channel_jitter,
            self.channel_jitter + 1,
            tf.int32,
        )
        shift = tf.where(gray[:, tf.newaxis, tf.newaxis, tf.newaxis], 0, shift)
        # Within the cell: no pixel is in two tiles.
        place = tf.clip_by_value(place[:, :, tf.newaxis] + shift, 0, free)
        return (window[:, tf.newaxis] + cells)[:, :, tf.newaxis] + place

    def build_model(self, inputs, encoder, data):
        """Builds tiles -> "encoder", fc6 each -> side by side -> fc7 -> logits."""
        shape = tuple(inputs.shape[1:])
        tiles = keras.Input(shape, name="tiles")
        if self.normalize_tiles:
            trunk = normalised_trunk(encoder, shape[1:])
        else:
            trunk = encoder(shape[1:])
        rest = {"batch_norm": False, "dropout": self.dropout}
        values = frame_columns(trunk, tiles, [self.fc6_units], **rest)
        values = keras.layers.Flatten(name="side_by_side")(values)
        values = dense_block(values, self.fc7_units, name="fc7", **rest)
        classes = self.permutation_set
        logits = keras.layers.Dense(len(classes), dtype="float32", name="fc8")(values)
        logits = PermutationClasses(classes, dtype="float32", name="permutation")(logits)
        return keras.Model(tiles, logits, name="jigsaw")

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("accuracy")]

    def draw(self, inputs, targets, predictions):
        """The puzzle, the image put together as answered, and how many tiles lie right."""
        answers = tf.argmax(predictions, axis=-1, output_type=tf.int32)
        found, true = (tf.gather(self.permutation_set, one) for one in (answers, targets))
        put_back = tf.gather(inputs, tf.argsort(found, axis=1), axis=1, batch_dims=1)
        right = tf.reduce_sum(tf.cast(found == true, tf.int32), axis=1)
        return {
            "puzzle": as_picture(inputs, self.grid),
            "as answered": as_picture(put_back, self.grid),
            "in place": [f"{int(one)} of {self.grid**2}" for one in right],
        }


def resize_short_side(images, side):
    """Images of which the short side has `side` pixels, aspect ratio kept; None: as they are.

    Args:
        images: float32 `(batch, height, width, channels)`.
        side: Pixels, or None.
    """
    height, width = images.shape[1:3]
    if side is None or side == min(height, width):
        return images
    scale = side / min(height, width)
    size = [max(side, round(length * scale)) for length in (height, width)]
    return tf.image.resize(images, size, antialias=True)


def as_picture(tiles, grid):
    """Tiles in rows as one picture, with white lines between.

    Args:
        tiles: float32 `(batch, grid * grid, side, side, channels)`.
        grid: Tiles on a side.

    Returns:
        float32 `(batch, grid * (side + 1) - 1, the same, channels)`.
    """
    side, channels = tiles.shape[2:4][0], tiles.shape[-1]
    framed = tf.pad(tiles, [[0, 0], [0, 0], [0, 1], [0, 1], [0, 0]], constant_values=1.0)
    framed = tf.reshape(framed, [-1, grid, grid, side + 1, side + 1, channels])
    picture = tf.transpose(framed, [0, 1, 3, 2, 4, 5])
    picture = tf.reshape(picture, [-1, grid * (side + 1), grid * (side + 1), channels])
    return picture[:, :-1, :-1]
