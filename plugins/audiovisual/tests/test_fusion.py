"""Tests of sslkeras_audiovisual.fusion."""

import numpy as np
import tensorflow as tf
from sslkeras_audiovisual.fusion import EuclideanDistance, LoudestPlace, SimilarityMap


def test_distances_of_unit_vectors():
    # (3, 4) / 5 and (4, 3) / 5 differ by (0.2, 0.2); (1, 0) and (-1, 0) by 2.
    image, sound = [[0.6, 0.8], [1.0, 0.0]], [[0.8, 0.6], [-1.0, 0.0]]

    distance = EuclideanDistance()([tf.constant(image), tf.constant(sound)])

    np.testing.assert_allclose(distance, [[0.28284271], [2.0]], rtol=1e-5)


def test_the_gradient_of_a_distance_of_0_is_finite():
    vector = tf.constant([[0.6, 0.8]])
    with tf.GradientTape() as tape:
        tape.watch(vector)
        distance = EuclideanDistance()([vector, tf.constant([[0.6, 0.8]])])

    assert np.isfinite(tape.gradient(distance, vector)).all()


MAP = tf.constant([[[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]])
SOUND = tf.constant([[1.0, 0.5]])


def test_a_map_is_the_inner_product_at_each_place():
    similarity = SimilarityMap()([MAP, SOUND])

    np.testing.assert_allclose(similarity[0, :, :, 0], [[1.0, 0.5], [0.75, 1.5]])


def test_the_answer_is_that_of_the_greatest_place():
    scaled = 2.0 * SimilarityMap()([MAP, SOUND]) - 3.0

    np.testing.assert_allclose(
        tf.sigmoid(scaled)[0, :, :, 0],
        [[0.26894142, 0.11920292], [0.18242552, 0.5]],
        rtol=1e-5,
    )
    logits = LoudestPlace()(scaled)
    np.testing.assert_allclose(logits, [[0.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(tf.nn.softmax(logits)[:, 1], [0.5], rtol=1e-6)


def test_swapping_two_places_swaps_the_map_and_keeps_the_score():
    swapped = tf.reverse(MAP, [1])
    one, other = (SimilarityMap()([given, SOUND]) for given in (MAP, swapped))

    np.testing.assert_array_equal(tf.reverse(one, [1]), other)
    np.testing.assert_array_equal(LoudestPlace()(one), LoudestPlace()(other))


def test_exactly_one_place_gets_gradient_also_where_several_are_greatest():
    places = tf.constant([[[[3.0], [1.0]], [[3.0], [3.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(places)
        score = LoudestPlace()(places)[:, 1]

    gradient = tape.gradient(score, places)
    np.testing.assert_array_equal(gradient[0, :, :, 0], [[1.0, 0.0], [0.0, 0.0]])
