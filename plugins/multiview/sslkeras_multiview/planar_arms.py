"""Two-link arms in a plane, filmed by two cameras: a stand-in for people and a robot.

For imitation from third-person observation as in P. Sermanet et al., "Time-Contrastive
Networks: Self-Supervised Learning from Video", ICRA 2018, https://arxiv.org/abs/1704.06888
(section IV-C), without a simulator.
"""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import Dataset, IndexedSplit
from sslkeras.datasets.two_cameras import (
    NUM_CAMERAS,
    SCALES,
    TINTS,
    backgrounds,
    sinusoids,
    world_places,
)
from sslkeras.hyperparameters import Boolean, Choice, Integer

_WAVES = 4
BASE = (0.0, -0.3)
LIMIT = 1.6  # Greatest joint angle in radians, in both directions.
# Sharpness of an edge: its coverage goes from 0.27 to 0.73 within 2 / 60 of the world's units.
_SHARPNESS = 60.0
ROBOT, DEMONSTRATOR = "robot", "demonstrator"
_LENGTHS = {ROBOT: (0.40, 0.45), DEMONSTRATOR: (0.45, 0.40)}
_HALF_WIDTHS = {ROBOT: 0.08, DEMONSTRATOR: 0.05}
_COLOUR = {ROBOT: (0.3, 0.5, 0.9), DEMONSTRATOR: (0.9, 0.3, 0.2)}


class PlanarArms(Dataset):
    """Videos of arms with two joints, each seen by two cameras at the same time.

    Training sequences show the robot, whose joint angles are known, and others of many
    shapes and colours, whose angles count as unknown. Test sequences show the robot or the
    demonstrator, an arm of another shape that is never seen in training. No video shows two
    arms, and no two arms move alike: what one arm's pose means for another must be found out.

    Joint angles are sums of four sinusoids, clipped to [-1.6, 1.6] radians; at 0 an arm
    stands upright. The first joint turns the whole arm, the second its upper link.

    Features of one sequence (T frames of S x S pixels):

    - `views`: uint8 `(2, T, S, S, 3)`, frame t of both cameras at the same moment.
    - `joints`: float32 `(T, 2)`, joint angles in radians, counter-clockwise.
    - `attributes`: int32 `(T, 3)`: which third of its range each joint is in, 0 the most
      clockwise, and whether the hand is right of the base; they are for probes.
    - `joints_known`: float32, 1 where a robot would know its angles, 0 elsewhere.

    Args:
        num_others: Training sequences of others.
        num_robots: Training sequences of the robot, >= 1.
        num_test: Test sequences.
        test_agent: "demonstrator" or "robot": whom the test sequences show.
        random_robot_colour: Whether the robot has another colour in each training sequence.
            Without, what is learned about it does not carry over to arms of another colour.
        size: Side of the frames in pixels.
        num_frames: Frames in a sequence.
        seed: Integer that chooses the sequences.

    Raises:
        ConfigurationError: If an argument is out of range.
    """

    features = {
        "views": "uint8 two videos 2 x num_frames x size x size x 3",
        "joints": "float32 joint angles num_frames x 2",
        "attributes": "int32 coarse pose num_frames x 3",
        "joints_known": "float32 0 or 1",
    }
    hyperparameters = {
        "num_others": Integer(0, 1_000_000),
        "num_robots": Integer(1, 1_000_000),
        "num_test": Integer(1, 1_000_000),
        "test_agent": Choice(DEMONSTRATOR, ROBOT),
        "random_robot_colour": Boolean(),
        "size": Integer(8, 1024, unit="pixels"),
        "num_frames": Integer(2, 10_000),
        "seed": Integer(0),
    }

    def __init__(
        self,
        *,
        num_others=40,
        num_robots=24,
        num_test=8,
        test_agent=DEMONSTRATOR,
        random_robot_colour=True,
        size=48,
        num_frames=60,
        seed=0,
    ):
        super().__init__(
            num_others=num_others,
            num_robots=num_robots,
            num_test=num_test,
            test_agent=test_agent,
            random_robot_colour=random_robot_colour,
            size=size,
            num_frames=num_frames,
            seed=seed,
        )

    @functools.cached_property
    def train(self):
        count = self.num_others + self.num_robots
        draws = np.random.default_rng([self.seed, 0]).random((count, 6))
        robots = np.arange(count) >= self.num_others
        looks = {
            "lengths": 0.37 + 0.11 * draws[:, :2],
            "half_widths": 0.04 + 0.06 * draws[:, 2],
            "colours": 0.2 + 0.8 * draws[:, 3:],
        }
        looks["lengths"][robots] = _LENGTHS[ROBOT]
        looks["half_widths"][robots] = _HALF_WIDTHS[ROBOT]
        if not self.random_robot_colour:
            looks["colours"][robots] = _COLOUR[ROBOT]
        return self._sequences(1, robots, looks)

    @functools.cached_property
    def test(self):
        agent, count = self.test_agent, self.num_test
        looks = {
            "lengths": np.tile(_LENGTHS[agent], (count, 1)),
            "half_widths": np.full(count, _HALF_WIDTHS[agent]),
            "colours": np.tile(_COLOUR[agent], (count, 1)),
        }
        return self._sequences(2, np.full(count, agent == ROBOT), looks)

    def _sequences(self, number, known, looks):
        shape = (len(known), 2, _WAVES)
        # Two generators: the i-th sequence does not depend on how many follow.
        waves = np.random.default_rng([self.seed, number, 0]).standard_normal(shape)
        phases = np.random.default_rng([self.seed, number, 1]).random(shape)
        draws = np.concatenate([waves, phases], axis=-1)
        joints = np.clip(sinusoids(draws, self.num_frames, _WAVES, 1.0), -LIMIT, LIMIT)
        return _Sequences(self.size, joints, known, **looks)


def forward_kinematics(joints, lengths, base=BASE):
    """Where the ends of both links are.

    Args:
        joints: `(..., 2)`, angles in radians; at 0 the arm points upwards.
        lengths: `(..., 2)`, of the links.
        base: Where the first link begins.

    Returns:
        float32 `(..., 3, 2)`: x and y of the base, the elbow and the hand.
    """
    joints, lengths = tf.cast(joints, tf.float32), tf.cast(lengths, tf.float32)
    angles = np.pi / 2 + tf.cumsum(joints, axis=-1)
    steps = lengths[..., tf.newaxis] * tf.stack([tf.cos(angles), tf.sin(angles)], axis=-1)
    ends = tf.cumsum(steps, axis=-2) + tf.constant(base)
    return tf.concat([tf.broadcast_to(tf.constant(base), tf.shape(ends[..., :1, :])), ends], -2)


def attributes_of(joints, lengths):
    """What can be said of a pose in words.

    Args:
        joints: float32 `(..., 2)`, angles in radians.
        lengths: float32 `(..., 2)`, of the links.

    Returns:
        int32 `(..., 3)`: the third of its range, 0 to 2, of each joint, and 1 where the hand is
        right of the base.
    """
    thirds = tf.floor((joints + LIMIT) * 3 / (2 * LIMIT))
    hand = forward_kinematics(joints, lengths)[..., 2, :1]
    is_right = tf.cast(hand > BASE[0], tf.int32)
    return tf.concat([tf.cast(tf.clip_by_value(thirds, 0, 2), tf.int32), is_right], axis=-1)


def render(joints, lengths, half_widths, colours, size):
    """Films arms with both cameras.

    Args:
        joints: float32 `(sequences, T, 2)`, angles in radians.
        lengths: float32 `(sequences, 2)`.
        half_widths: float32 `(sequences,)`.
        colours: float32 `(sequences, 3)` in [0, 1].
        size: Side of the frames in pixels.

    Returns:
        float32 `(sequences, 2, T, size, size, 3)` in [0, 1].
    """
    points = forward_kinematics(joints, lengths[:, tf.newaxis])  # (sequences, T, 3, 2)
    # Axes: sequence, camera, frame, row, column.
    points = points[:, tf.newaxis, :, tf.newaxis, tf.newaxis]
    places = tf.constant(world_places(size))[:, tf.newaxis]
    distance = tf.minimum(
        _distance_to_segment(places, points[..., 0, :], points[..., 1, :]),
        _distance_to_segment(places, points[..., 1, :], points[..., 2, :]),
    )
    inside = half_widths[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis] - distance
    scale = tf.constant(SCALES, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    cover = tf.sigmoid(inside * scale * _SHARPNESS)[..., tf.newaxis]
    paint = colours[:, tf.newaxis] * tf.constant(TINTS, tf.float32)
    paint = paint[:, :, tf.newaxis, tf.newaxis, tf.newaxis]
    return (1 - cover) * tf.constant(backgrounds(size))[:, tf.newaxis] + cover * paint


def _distance_to_segment(places, start, end):
    along = end - start
    share = tf.reduce_sum((places - start) * along, -1) / tf.reduce_sum(tf.square(along), -1)
    nearest = start + tf.clip_by_value(share, 0.0, 1.0)[..., tf.newaxis] * along
    return tf.norm(places - nearest, axis=-1)


class _Sequences(IndexedSplit):
    """Sequences drawn when they are read; the arguments are those of `render`."""

    def __init__(self, size, joints, known, lengths, half_widths, colours):
        self.size, num_frames = joints.shape[:2]
        self._frame_side = size
        with tf.init_scope(), tf.device("CPU:0"):
            self._joints = tf.constant(joints, tf.float32)
            self._known = tf.constant(known, tf.float32)
            self._looks = [
                tf.constant(value, tf.float32) for value in (lengths, half_widths, colours)
            ]
        self.features = {
            "views": tf.TensorSpec((NUM_CAMERAS, num_frames, size, size, 3), tf.uint8, "views"),
            "joints": tf.TensorSpec((num_frames, 2), tf.float32, "joints"),
            "attributes": tf.TensorSpec((num_frames, 3), tf.int32, "attributes"),
            "joints_known": tf.TensorSpec((), tf.float32, "joints_known"),
        }

    def read(self, indices, count, *, only=None):
        wanted = set(self.features) if only is None else set(only) & set(self.features)

        def read(index):
            joints = tf.gather(self._joints, index)
            sequences = {"joints": joints, "joints_known": tf.gather(self._known, index)}
            looks = [tf.gather(value, index) for value in self._looks]
            if "attributes" in wanted:
                sequences["attributes"] = attributes_of(joints, looks[0][:, tf.newaxis])
            if "views" in wanted:
                frames = render(joints, *looks, self._frame_side)
                sequences["views"] = tf.cast(tf.round(frames * 255), tf.uint8)
            return {
                name: tf.ensure_shape(sequences[name], (count, *spec.shape))
                for name, spec in self.features.items()
                if name in wanted
            }

        return indices.map(read, num_parallel_calls=tf.data.AUTOTUNE)
