"""Moving MNIST, made of scikit-learn's digits.

N. Srivastava, E. Mansimov, R. Salakhutdinov, "Unsupervised Learning of Video
Representations using LSTMs", ICML 2015, https://arxiv.org/abs/1502.04681 (section 4.1.1
and the released generator).
"""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.digits import NUM_TRAIN, load_digits
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Integer, ListOf, Optional, Real


class MovingDigits(Dataset):
    """Videos of digits that move at constant speed, or slow down, and bounce off the walls.

    Each digit starts at a random place, in a random direction, moves before each frame, and
    is set back to the wall and reflected where it would leave the frame. Where digits
    overlap, the larger value is shown. Places are kept in full precision and rounded down
    to whole pixels when drawn, so positions, masks and flow are exact. The i-th clip of a
    split depends on `seed`, `i` and the sizes alone; training clips show scikit-learn's
    first 1297 digits, test clips the last 500.

    Features of one clip (T frames, N digits, frames of S x S pixels):

    - `video`: uint8 `(T, S, S, 1)`.
    - `positions`: float32 `(T, N, 2)`, row and column of each digit's top left pixel.
    - `flow`: float32 `(T - 1, S, S, 2)`, the motion (dx, dy) in pixels from frame t to
      t + 1 of the digit that is shown at the pixel; 0 on the background.
    - `masks`: bool `(T, S, S, N)`, where each digit has ink, hidden parts included.
    - `label`: int32 `(N,)`, which digits; a scalar for one digit.

    Args:
        num_examples: Training clips in an epoch, >= 1. Defaults to 10,000.
        num_test: Test clips, >= 1. Defaults to 1,000.
        num_digits: Digits in a frame, 1 to 10. Defaults to 2, as in the paper.
        size: Side of the frame in pixels. Defaults to 64, as in the paper.
        digit_size: Side of a digit in pixels, 8 or more and less than `size`; digits are
            enlarged bilinearly. Defaults to 28, as in the paper.
        num_frames: Frames in a clip, >= 2. Defaults to 20, as in the paper.
        speed: Least and greatest speed in pixels a frame; each digit draws its own.
            None: a tenth of the way from wall to wall, as in the released generator.
        friction: Least and greatest share of the speed that is left after each frame, in
            [0, 1]; each digit draws its own. None: all of it. With friction a clip looks
            otherwise played backwards: digits speed up.
        seed: Integer that chooses the clips.

    Raises:
        ConfigurationError: If an argument is out of range, or the digits fill the frame.
    """

    features = {
        "video": "uint8 video num_frames x size x size x 1",
        "positions": "float32 top left pixels num_frames x num_digits x 2",
        "flow": "float32 (dx, dy) num_frames-1 x size x size x 2",
        "masks": "bool num_frames x size x size x num_digits",
        "label": "int32 num_digits",
    }
    hyperparameters = {
        "num_examples": Integer(1, 10_000_000),
        "num_test": Integer(1, 10_000_000),
        "num_digits": Integer(1, 10),
        "size": Integer(9, 1024, unit="pixels"),
        "digit_size": Integer(8, 512, unit="pixels"),
        "num_frames": Integer(2, 1000),
        "speed": Optional(
            ListOf(Real(0, unit="pixels a frame"), length=2, increasing=True),
            "a tenth of the way from wall to wall",
        ),
        "friction": Optional(
            ListOf(Real(0, 1), length=2, increasing=True), "the speed stays as it is"
        ),
        "seed": Integer(0),
    }
    label_names = tuple(str(digit) for digit in range(10))

    def __init__(
        self,
        *,
        num_examples=10_000,
        num_test=1_000,
        num_digits=2,
        size=64,
        digit_size=28,
        num_frames=20,
        speed=None,
        friction=None,
        seed=0,
    ):
        super().__init__(
            num_examples=num_examples,
            num_test=num_test,
            num_digits=num_digits,
            size=size,
            digit_size=digit_size,
            num_frames=num_frames,
            speed=speed,
            friction=friction,
            seed=seed,
        )
        if self.digit_size >= self.size:
            raise ConfigurationError(
                "`digit_size` of MovingDigits must be less than `size`, or nothing can move. "
                f"Received: digit_size={digit_size}, size={size}. Choose smaller digits."
            )

    @functools.cached_property
    def train(self):
        return self._make_split(0, self.num_examples, slice(NUM_TRAIN))

    @functools.cached_property
    def test(self):
        return self._make_split(1, self.num_test, slice(NUM_TRAIN, None))

    def _make_split(self, number, count, part):
        images, labels = load_digits(self.digit_size)
        sprites = np.round(images[part, ..., 0] * 255).astype(np.uint8)
        # One row of draws a clip: those of clip i do not depend on how many clips follow.
        draws = np.random.default_rng([self.seed, number]).random((count, self.num_digits, 5))
        which = (draws[..., 0] * len(sprites)).astype(np.int32)
        kept = 1.0
        if self.friction is not None:
            # Drawn apart, so that clips with friction begin as those without.
            low, high = self.friction
            more = np.random.default_rng([self.seed, number, 1]).random((count, self.num_digits, 1))
            kept = low + (high - low) * more
        positions = trajectories(
            draws[..., 1:], self.num_frames, self.size - self.digit_size, self.speed, kept
        )
        return _Clips(sprites, labels[part], which, positions, self.size)


def trajectories(draws, num_frames, room, speed, kept=1.0):
    """Whole-pixel places of digits that bounce between walls.

    Args:
        draws: float64 `(clips, digits, 4)` in [0, 1): row, column, direction and speed.
        num_frames: Frames in a clip.
        room: Pixels from wall to wall for a digit's top left pixel.
        speed: Least and greatest speed in pixels a frame, or None for `room` / 10.
        kept: Share of the speed that is left after each frame, a number or float64 `(clips,
            digits, 1)`.

    Returns:
        int16 `(clips, num_frames, digits, 2)`: row and column, each in [0, room].
    """
    low, high = speed or (0.1 * room, 0.1 * room)
    angle = 2 * np.pi * draws[..., 2]
    pace = (low + (high - low) * draws[..., 3]) / room
    velocity = pace[..., np.newaxis] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    place = draws[..., :2]
    positions = np.empty((len(draws), num_frames, draws.shape[1], 2), np.int16)
    for frame in range(num_frames):
        place = place + velocity
        velocity = kept * np.where((place <= 0) | (place >= 1), -velocity, velocity)
        place = np.clip(place, 0, 1)
        positions[:, frame] = np.floor(place * room)
    return positions


class _Clips(IndexedSplit):
    """Clips drawn when they are read, from whole-pixel places.

    Args:
        sprites: uint8 `(digits, side, side)`.
        labels: int32 `(digits,)`.
        which: int32 `(clips, N)`, indices into `sprites`.
        positions: int16 `(clips, T, N, 2)`.
        size: Side of a frame in pixels.
    """

    def __init__(self, sprites, labels, which, positions, size):
        self.size, num_frames, num_digits, _ = positions.shape
        self._side, self._frame_side = sprites.shape[1], size
        # A border of no ink at the end of rows and columns stands for all that is outside.
        padded = np.pad(sprites, ((0, 0), (0, 1), (0, 1)))
        labels = labels[which] if num_digits > 1 else labels[which[:, 0]]
        with tf.init_scope(), tf.device("CPU:0"):
            self._ink = tf.constant(padded.reshape(-1))
            self._which, self._positions = tf.constant(which), tf.constant(positions)
            self._labels = tf.constant(labels)
        frame = (num_frames, size, size)
        self.features = {
            "video": tf.TensorSpec((*frame, 1), tf.uint8, "video"),
            "positions": tf.TensorSpec((num_frames, num_digits, 2), tf.float32, "positions"),
            "flow": tf.TensorSpec((num_frames - 1, size, size, 2), tf.float32, "flow"),
            "masks": tf.TensorSpec((*frame, num_digits), tf.bool, "masks"),
            "label": tf.TensorSpec(labels.shape[1:], tf.int32, "label"),
        }

    def read(self, indices, count, *, only=None):
        wanted = set(self.features) if only is None else set(only) & set(self.features)

        def read(index):
            clips = {}
            positions = tf.cast(tf.gather(self._positions, index), tf.int32)
            if "positions" in wanted:
                clips["positions"] = tf.cast(positions, tf.float32)
            if "label" in wanted:
                clips["label"] = tf.gather(self._labels, index)
            if wanted & {"video", "flow", "masks"}:
                layers = self._draw(tf.gather(self._which, index), positions)
            if "video" in wanted:
                clips["video"] = tf.reduce_max(layers, axis=-1, keepdims=True)
            if "masks" in wanted:
                clips["masks"] = layers > 0
            if "flow" in wanted:
                clips["flow"] = _flow(layers, positions)
            return {
                name: tf.ensure_shape(clips[name], (count, *spec.shape))
                for name, spec in self.features.items()
                if name in wanted
            }

        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)

    def _draw(self, which, positions):
        """uint8 `(clips, T, S, S, N)`: each digit alone in the frame."""
        side = self._side

        def inside(corner):  # (clips, T, N) -> (clips, T, S, N)
            offset = tf.range(self._frame_side)[:, tf.newaxis] - corner[:, :, tf.newaxis]
            return tf.where((offset >= 0) & (offset < side), offset, side)

        rows = inside(positions[..., 0])[:, :, :, tf.newaxis]
        columns = inside(positions[..., 1])[:, :, tf.newaxis]
        first = (which * (side + 1) ** 2)[:, tf.newaxis, tf.newaxis, tf.newaxis]
        return tf.gather(self._ink, first + rows * (side + 1) + columns)


def _flow(layers, positions):
    """Motion of the digit shown at each pixel, `(clips, T - 1, S, S, 2)` as (dx, dy)."""
    layers = layers[:, :-1]
    steps = tf.cast(positions[:, 1:] - positions[:, :-1], tf.float32)[..., ::-1]
    shown = tf.one_hot(tf.argmax(layers, axis=-1), layers.shape[-1])  # (clips, T - 1, S, S, N)
    shown *= tf.cast(layers > 0, tf.float32)
    return tf.einsum("bthwn,btnc->bthwc", shown, steps)
