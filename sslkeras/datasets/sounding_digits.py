"""Digits that sound: generated pairs of an image and a sound, made of scikit-learn's digits."""

import functools
import math

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.digits import NUM_TRAIN, load_digits
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Integer, Real

_QUADRANTS = 4
_HARMONICS = 5
_LOWEST = 110.0  # Hz, of the digit 0; a quarter of an octave more for each further one.
_DETUNING, _LEVEL_JITTER, _SOUND_NOISE = 0.01, 0.1, 0.05
_IMAGE_NOISE = 0.25
_MOST_OFF = 4  # Pixels from the corner of the quadrant.
# Noise is cut from one stretch of this many values, at a place of its own for each example.
_NOISE_LENGTH = 2**20
# Uniform numbers an example: the order of the classes, which digit of a class, the order of the
# quadrants, two for the place in one, and what the sound draws.
_DRAWS = (10, _QUADRANTS, _QUADRANTS, 2 * _QUADRANTS, 5 + _HARMONICS)


class SoundingDigits(Dataset):
    """Images of handwritten digits with a tone for each class: what looks alike sounds alike.

    Nothing but its class connects a digit's look and its sound, so that a pair can only be told
    from another by recognising both. A digit stands in one of the four quadrants of a noisy
    canvas, up to 4 pixels off. Digit c sounds as a tone of 110 * 2^(c / 4) Hz, detuned by up to
    1 %, with five harmonics whose weights depend on c and whose phases do not, and swells
    1 + c mod 4 times a second; its level varies by 10 % and noise of deviation 0.05 is added.
    With `num_digits` > 1 digits of different classes stand in different quadrants, and one of
    them sounds. The i-th example of a split depends on `seed` and `i` alone; train examples show
    scikit-learn's first 1297 digits, test examples the last 500.

    Features of an example:

    - `image`: uint8 `(size, size, 1)`.
    - `waveform`: float32 `(seconds * sample_rate,)` in [-1, 1].
    - `label`: int32, the digit that sounds.
    - `box`: int32 `(4,)`, where it stands: top, left, bottom, right in pixels, the last two
      outside.
    - `clip`: int32 number of the pair, unique in both splits.

    Args:
        num_examples: Train pairs in an epoch, >= 1. Defaults to 10,000.
        num_test: Test pairs, >= 1. Defaults to 1,000.
        num_digits: Digits in an image, 1 to 4. Defaults to 1.
        size: Side of the canvas in pixels. Defaults to 64.
        digit_size: Side of a digit in pixels, 8 or more and at most half of `size`; digits are
            enlarged bilinearly. Defaults to 28.
        sample_rate: Samples in a second, >= 6000 so that all harmonics fit. Defaults to 8000.
        seconds: Length of the sound. Defaults to 1.
        seed: Integer that chooses the pairs.

    Raises:
        ConfigurationError: If an argument is out of range or a digit exceeds its quadrant.
    """

    features = {
        "image": "uint8 image size x size x 1",
        "waveform": "float32 seconds * sample_rate",
        "label": "int32 digit that sounds",
        "box": "int32 top, left, bottom, right",
        "clip": "int32 number of the pair",
    }
    hyperparameters = {
        "num_examples": Integer(1, 10_000_000),
        "num_test": Integer(1, 10_000_000),
        "num_digits": Integer(1, _QUADRANTS),
        "size": Integer(16, 1024, unit="pixels"),
        "digit_size": Integer(8, 512, unit="pixels"),
        "sample_rate": Integer(6000, 192_000, unit="samples a second"),
        "seconds": Real(0, 10, closed="right", unit="seconds"),
        "seed": Integer(0),
    }
    label_names = tuple(str(digit) for digit in range(10))

    def __init__(
        self,
        *,
        num_examples=10_000,
        num_test=1_000,
        num_digits=1,
        size=64,
        digit_size=28,
        sample_rate=8000,
        seconds=1.0,
        seed=0,
    ):
        super().__init__(
            num_examples=num_examples,
            num_test=num_test,
            num_digits=num_digits,
            size=size,
            digit_size=digit_size,
            sample_rate=sample_rate,
            seconds=seconds,
            seed=seed,
        )
        if 2 * self.digit_size > self.size:
            raise ConfigurationError(
                "`digit_size` of SoundingDigits must be at most half of `size`, as a digit stands "
                f"in a quadrant. Received: digit_size={digit_size}, size={size}. Choose smaller "
                "digits."
            )

    @functools.cached_property
    def train(self):
        return self._make_split(0, self.num_examples, slice(NUM_TRAIN))

    @functools.cached_property
    def test(self):
        return self._make_split(1, self.num_test, slice(NUM_TRAIN, None))

    def _make_split(self, number, count, part):
        images, labels = load_digits(self.digit_size)
        sprites, labels = np.round(images[part, ..., 0] * 255).astype(np.uint8), labels[part]
        which, boxes, sounds = _drawn(
            np.random.default_rng([self.seed, number]).random((count, sum(_DRAWS))),
            labels,
            self.num_digits,
            self.size,
            self.digit_size,
        )
        return _Pairs(
            sprites,
            which,
            boxes,
            labels[which[:, 0]],
            sounds,
            first_clip=0 if number == 0 else self.num_examples,
            size=self.size,
            rate=self.sample_rate,
            samples=max(1, round(self.seconds * self.sample_rate)),
            noise_seed=self.seed,
        )


def _drawn(draws, labels, num_digits, size, side):
    """Digits, their boxes and what each sound draws, from uniform numbers, a row an example.

    Returns:
        int32 `(examples, num_digits)`, int32 `(examples, num_digits, 4)`, and float32
        `(examples, 10)` in [0, 1): detuning, level, phase of the swell, places in the noise of
        image and sound, and the phases of the harmonics. The first digit is the one that sounds.
    """
    classes, members, quadrants, places, sounds = np.split(draws, np.cumsum(_DRAWS)[:-1], axis=1)
    chosen = np.argsort(classes, axis=1)[:, :num_digits]  # Different ones.
    rows = [np.flatnonzero(labels == digit) for digit in range(10)]
    counts = np.array([len(one) for one in rows])
    table = np.stack([np.resize(one, counts.max()) for one in rows])
    which = table[chosen, (members[:, :num_digits] * counts[chosen]).astype(np.int64)]
    quadrant = np.argsort(quadrants, axis=1)[:, :num_digits]
    corner = np.stack([quadrant // 2, quadrant % 2], axis=-1) * (size // 2)
    room = min(_MOST_OFF, size // 2 - side)
    offset = places.reshape(-1, _QUADRANTS, 2)[:, :num_digits] * (room + 1)
    top_left = corner + offset.astype(np.int64)
    boxes = np.concatenate([top_left, top_left + side], axis=-1)
    return which.astype(np.int32), boxes.astype(np.int32), sounds.astype(np.float32)


def harmonic_weights() -> np.ndarray:
    """float32 `(10, 5)`: how loud each harmonic of each digit's tone is; rows sum to 1."""
    digit, harmonic = np.meshgrid(np.arange(10), np.arange(1, _HARMONICS + 1), indexing="ij")
    weights = (1.2 + np.cos(1.7 * digit * harmonic)) / harmonic
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


class _Pairs(IndexedSplit):
    """Pairs drawn and sounded when they are read.

    Args:
        sprites: uint8 `(digits, side, side)`.
        which: int32 `(examples, N)`, indices into `sprites`; the first one sounds.
        boxes: int32 `(examples, N, 4)`.
        labels: int32 `(examples,)`, the class that sounds.
        sounds: float32 `(examples, 10)`, see `_drawn`.
        first_clip: Number of the first pair.
        size: Side of the canvas.
        rate: Samples in a second.
        samples: Samples in an example.
        noise_seed: Integer seed of the noise.
    """

    def __init__(
        self, sprites, which, boxes, labels, sounds, *, first_clip, size, rate, samples, noise_seed
    ):
        self.size, self._canvas, self._rate, self._samples = len(which), size, rate, samples
        self._side = sprites.shape[1]
        noise = np.random.default_rng([noise_seed, 2]).standard_normal(_NOISE_LENGTH, np.float32)
        # A border of no ink at the end of rows and columns stands for all that is outside.
        padded = np.pad(sprites, ((0, 0), (0, 1), (0, 1)))
        with tf.init_scope(), tf.device("CPU:0"):
            self._ink, self._noise = tf.constant(padded.reshape(-1)), tf.constant(noise)
            self._which, self._boxes = tf.constant(which), tf.constant(boxes)
            self._labels, self._sounds = tf.constant(labels), tf.constant(sounds)
            self._weights = tf.constant(harmonic_weights())
            self._clips = tf.range(first_clip, first_clip + self.size, dtype=tf.int32)
        self.features = {
            "image": tf.TensorSpec((size, size, 1), tf.uint8, "image"),
            "waveform": tf.TensorSpec((samples,), tf.float32, "waveform"),
            "label": tf.TensorSpec((), tf.int32, "label"),
            "box": tf.TensorSpec((4,), tf.int32, "box"),
            "clip": tf.TensorSpec((), tf.int32, "clip"),
        }

    def read(self, indices, count, *, only=None):
        makers = {
            "image": self._draw,
            "waveform": self._sound,
            "label": lambda index: tf.gather(self._labels, index),
            "box": lambda index: tf.gather(self._boxes, index)[:, 0],
            "clip": lambda index: tf.gather(self._clips, index),
        }
        wanted = [name for name in self.features if only is None or name in only]

        def read(index):
            return {
                name: tf.ensure_shape(makers[name](index), (count, *self.features[name].shape))
                for name in wanted
            }

        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)

    def _draw(self, index):
        """uint8 `(examples, size, size, 1)`: the digits before noise that is never negative."""
        boxes, side = tf.gather(self._boxes, index), self._side

        def inside(corner):  # (examples, N) -> (examples, N, size)
            offset = tf.range(self._canvas) - corner[..., tf.newaxis]
            return tf.where((offset >= 0) & (offset < side), offset, side)

        rows, columns = inside(boxes[..., 0])[..., tf.newaxis], inside(boxes[..., 1])
        first = (tf.gather(self._which, index) * (side + 1) ** 2)[..., tf.newaxis, tf.newaxis]
        ink = tf.gather(self._ink, first + rows * (side + 1) + columns[:, :, tf.newaxis])
        noise = self._noise_from(index, 3, self._canvas**2)
        noise = tf.abs(tf.reshape(noise, [-1, self._canvas, self._canvas])) * _IMAGE_NOISE / 2
        noise = tf.cast(tf.minimum(noise, 1.0) * 255.0, tf.uint8)
        return tf.maximum(tf.reduce_max(ink, axis=1), noise)[..., tf.newaxis]

    def _sound(self, index):
        """float32 `(examples, samples)`: tones of the digits' pitch, harmonics and swell."""
        label = tf.gather(self._labels, index)
        drawn = tf.gather(self._sounds, index)
        detuned = 1.0 + _DETUNING * (2.0 * drawn[:, 0] - 1.0)
        pitch = _LOWEST * 2.0 ** (tf.cast(label, tf.float32) / 4.0) * detuned
        time = tf.range(self._samples, dtype=tf.float32) / self._rate
        cycles = pitch[:, tf.newaxis] * time  # (examples, samples)
        weights = tf.gather(self._weights, label)
        tone = tf.zeros_like(cycles)
        for harmonic in range(1, _HARMONICS + 1):
            phase = drawn[:, 4 + harmonic, tf.newaxis]
            wave = tf.sin(2.0 * math.pi * (harmonic * cycles + phase))
            tone += weights[:, harmonic - 1, tf.newaxis] * wave
        swells = tf.cast(1 + label % 4, tf.float32)[:, tf.newaxis] * time + drawn[:, 2:3]
        tone *= 0.2 + 0.8 * tf.abs(tf.sin(math.pi * swells))
        level = 0.6 * (1.0 + _LEVEL_JITTER * (2.0 * drawn[:, 1:2] - 1.0))
        noise = _SOUND_NOISE * self._noise_from(index, 4, self._samples)
        return tf.clip_by_value(level * tone + noise, -1.0, 1.0)

    def _noise_from(self, index, which, length):
        """float32 `(examples, length)`: standard normal, from a place of each example's own."""
        place = tf.gather(self._sounds, index)[:, which] * (_NOISE_LENGTH - 1)
        places = tf.cast(place, tf.int32)[:, tf.newaxis] + tf.range(length)
        return tf.gather(self._noise, places % _NOISE_LENGTH)
