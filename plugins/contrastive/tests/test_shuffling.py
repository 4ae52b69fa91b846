"""Tests of sslkeras_contrastive.shuffling."""

import numpy as np
import tensorflow as tf
from sslkeras_contrastive.shuffling import encode_shuffled

from sslkeras.testing.replicas import two_replicas

SORT_KEYS = tf.constant([0.9, 0.1, 0.5, 0.3, 0.8, 0.2])
IMAGES = tf.range(6.0)[:, tf.newaxis]


def test_what_was_shuffled_is_put_back():
    seen = []

    def encode(images):
        seen.append(images.numpy()[:, 0])
        return images

    encoded = encode_shuffled(encode, IMAGES, SORT_KEYS)

    np.testing.assert_array_equal(encoded, IMAGES)
    np.testing.assert_array_equal(seen, [[1, 5, 3, 2, 4, 0]])


def test_two_replicas_encode_parts_of_one_permutation():
    strategy = two_replicas()
    parts = [
        tf.data.Dataset.from_tensors((IMAGES[start : start + 3], SORT_KEYS[start : start + 3]))
        for start in (0, 3)
    ]
    data = strategy.distribute_datasets_from_function(lambda _: parts[0].concatenate(parts[1]))

    def on_replica(images, sort_keys):
        # The mean of the part tells in which company an image was encoded.
        def encode(images):
            return tf.concat([images, tf.fill([3, 1], tf.reduce_mean(images))], axis=1)

        return encode_shuffled(encode, images, sort_keys)

    @tf.function
    def step(batch):
        return strategy.run(on_replica, args=batch)

    encoded = np.concatenate(strategy.experimental_local_results(step(next(iter(data)))))

    np.testing.assert_array_equal(encoded[:, 0], IMAGES[:, 0])
    # The permutation is 1 5 3 | 2 4 0, with means 3 and 2.
    np.testing.assert_allclose(encoded[:, 1], [2, 3, 2, 3, 2, 3])


def test_no_gradient_reaches_what_is_encoded():
    weight = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        encoded = encode_shuffled(lambda images: weight * images, IMAGES, SORT_KEYS)
        total = tf.reduce_sum(encoded)

    assert tape.gradient(total, weight) is None
