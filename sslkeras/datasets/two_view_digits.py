"""Digits that move and turn, filmed by two cameras at the same time.

Data for tasks that learn from several views, as in P. Sermanet et al., "Time-Contrastive
Networks: Self-Supervised Learning from Video", ICRA 2018, https://arxiv.org/abs/1704.06888.
"""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.digits import NUM_TRAIN, load_digits
from sslkeras.datasets.two_cameras import (
    NUM_CAMERAS,
    TINTS,
    backgrounds,
    sinusoids,
    world_places,
)
from sslkeras.hyperparameters import Integer

_WAVES = 3
# Half of a digit's side and its greatest distance from the middle, in the world's units.
_HALF_SIDE, _REACH = 0.4, 0.5
_TRAIN, _TEST = 0, 1


class TwoViewDigits(Dataset):
    """Videos of one digit that wanders and turns, seen by two cameras.

    The second camera sees the scene smaller, turned, shifted, in other colours and before
    another background, so that frames of one camera look alike whatever happens in them.
    What the views have in common is the state of the scene: place, angle, digit and colour.

    Places and angles are sums of three sinusoids with random amplitudes and phases. The i-th
    sequence of a split depends on `seed`, `i` and the sizes alone; training sequences show
    scikit-learn's first 1297 digits, test sequences the last 500.

    Features of one sequence (T frames of S x S pixels):

    - `views`: uint8 `(2, T, S, S, 3)`, frame t of both cameras at the same moment.
    - `states`: float32 `(T, 3)`: x and y in [-0.5, 0.5] of the scene's [-1, 1], upwards, and
      the angle in radians, counter-clockwise.
    - `label`: int32, which digit.

    Args:
        num_examples: Training sequences in an epoch, >= 1.
        num_test: Test sequences, >= 1.
        size: Side of the frames in pixels, >= 8.
        num_frames: Frames in a sequence, >= 2.
        seed: Integer that chooses the sequences.

    Raises:
        ConfigurationError: If an argument is out of range.
    """

    features = {
        "views": "uint8 two videos 2 x num_frames x size x size x 3",
        "states": "float32 (x, y, angle) num_frames x 3",
        "label": "int32 digit",
    }
    hyperparameters = {
        "num_examples": Integer(1, 10_000_000),
        "num_test": Integer(1, 10_000_000),
        "size": Integer(8, 1024, unit="pixels"),
        "num_frames": Integer(2, 10_000),
        "seed": Integer(0),
    }
    label_names = tuple(str(digit) for digit in range(10))

    def __init__(self, *, num_examples=1_000, num_test=100, size=48, num_frames=60, seed=0):
        super().__init__(
            num_examples=num_examples,
            num_test=num_test,
            size=size,
            num_frames=num_frames,
            seed=seed,
        )

    @functools.cached_property
    def train(self):
        return self._make_split(_TRAIN, self.num_examples, slice(NUM_TRAIN))

    @functools.cached_property
    def test(self):
        return self._make_split(_TEST, self.num_test, slice(NUM_TRAIN, None))

    def _make_split(self, number, count, part):
        images, labels = load_digits(16)
        inks, labels = images[part, ..., 0], labels[part]
        # One row of draws a sequence: those of the i-th do not depend on how many follow.
        draws = np.random.default_rng([self.seed, number, 0]).random((count, 4 + 3 * _WAVES))
        random = np.random.default_rng([self.seed, number, 1])
        waves = random.standard_normal((count, 3, _WAVES))
        phases = draws[:, 4:].reshape(count, 3, _WAVES)
        motion = sinusoids(np.concatenate([waves, phases], -1), self.num_frames, _WAVES, 1.0)
        states = np.concatenate(
            [_REACH * np.tanh(motion[..., :2]), np.pi / 2 * motion[..., 2:]], axis=-1
        )
        which = (draws[:, 0] * len(inks)).astype(np.int32)
        colours = 0.6 + 0.4 * draws[:, 1:4]
        return _Sequences(self.size, inks, which, labels[which], states.astype(np.float32), colours)


class _Sequences(IndexedSplit):
    """Sequences drawn when they are read.

    Args:
        size: Side of a frame in pixels.
        inks: float32 `(digits, side, side)` in [0, 1].
        which: int32 `(sequences,)`, indices into `inks`.
        labels: int32 `(sequences,)`.
        states: float32 `(sequences, T, 3)`.
        colours: `(sequences, 3)` in [0, 1].
    """

    def __init__(self, size, inks, which, labels, states, colours):
        self.size, num_frames = states.shape[:2]
        # A border of no ink stands for all that is outside.
        padded = np.pad(inks, ((0, 0), (1, 1), (1, 1)))
        self._side = padded.shape[1]
        with tf.init_scope(), tf.device("CPU:0"):
            self._inks = tf.constant(padded.reshape(-1))
            self._which, self._labels = tf.constant(which), tf.constant(labels)
            self._states = tf.constant(states)
            self._colours = tf.constant(colours, tf.float32)
            self._places = tf.constant(world_places(size))
            self._backgrounds = tf.constant(backgrounds(size))
        self.features = {
            "views": tf.TensorSpec((NUM_CAMERAS, num_frames, size, size, 3), tf.uint8, "views"),
            "states": tf.TensorSpec((num_frames, 3), tf.float32, "states"),
            "label": tf.TensorSpec((), tf.int32, "label"),
        }

    def read(self, indices, count, *, only=None):
        wanted = set(self.features) if only is None else set(only) & set(self.features)

        def read(index):
            sequences = {}
            states = tf.gather(self._states, index)
            if "views" in wanted:
                sequences["views"] = self._draw(
                    tf.gather(self._which, index), states, tf.gather(self._colours, index)
                )
            if "states" in wanted:
                sequences["states"] = states
            if "label" in wanted:
                sequences["label"] = tf.gather(self._labels, index)
            return {
                name: tf.ensure_shape(sequences[name], (count, *spec.shape))
                for name, spec in self.features.items()
                if name in wanted
            }

        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)

    def _draw(self, which, states, colours):
        """uint8 `(sequences, 2, T, S, S, 3)`."""
        cos, sin = tf.cos(states[..., 2]), tf.sin(states[..., 2])
        # Axes: sequence, camera, frame, row, column.
        x, y, cos, sin = (
            value[:, tf.newaxis, :, tf.newaxis, tf.newaxis]
            for value in (states[..., 0], states[..., 1], cos, sin)
        )
        east = self._places[:, tf.newaxis, ..., 0] - x
        north = self._places[:, tf.newaxis, ..., 1] - y
        # In the digit's own axes, columns to the right and rows downwards, in pixels of it.
        inner = self._side - 2
        column = ((east * cos + north * sin) / _HALF_SIDE + 1) / 2 * inner + 0.5
        row = ((east * sin - north * cos) / _HALF_SIDE + 1) / 2 * inner + 0.5
        ink = self._bilinear(which, row, column)[..., tf.newaxis]
        paint = colours[:, tf.newaxis] * tf.constant(TINTS, tf.float32)  # (sequence, camera, 3)
        paint = paint[:, :, tf.newaxis, tf.newaxis, tf.newaxis]
        frames = (1 - ink) * self._backgrounds[:, tf.newaxis] + ink * paint
        return tf.cast(tf.round(frames * 255), tf.uint8)

    def _bilinear(self, which, row, column):
        """Ink of digit `which` at places in pixels of the padded image, 0 outside."""
        last = float(self._side - 1)
        row, column = (tf.clip_by_value(value, 0.0, last) for value in (row, column))
        above, left = (tf.minimum(tf.floor(value), last - 1) for value in (row, column))
        down, right = row - above, column - left
        first = which[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis] * self._side**2
        corner = first + tf.cast(above, tf.int32) * self._side + tf.cast(left, tf.int32)

        def ink(offset):
            return tf.gather(self._inks, corner + offset)

        upper = (1 - right) * ink(0) + right * ink(1)
        lower = (1 - right) * ink(self._side) + right * ink(self._side + 1)
        return (1 - down) * upper + down * lower
