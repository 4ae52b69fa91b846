"""Tests of sslkeras.layers.tokens."""

import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.layers.tokens import (
    AddSpecialTokens,
    FirstToken,
    IsReal,
    MeanOfTokens,
    PositionEmbedding,
    SegmentIds,
)

PAD, CLS, SEP = 0, 2, 3


def test_special_tokens_stand_around_the_tokens():
    tokens = tf.constant([[7, 8, 9], [7, PAD, PAD], [PAD, PAD, PAD]])

    with_special = AddSpecialTokens(CLS, SEP, PAD)(tokens)

    np.testing.assert_array_equal(
        with_special,
        [[CLS, 7, 8, 9, SEP], [CLS, 7, SEP, PAD, PAD], [CLS, SEP, PAD, PAD, PAD]],
    )
    np.testing.assert_array_equal(IsReal(PAD)(with_special)[1], [True, True, True, False, False])


def test_a_second_text_is_of_the_second_segment():
    tokens = tf.constant([[CLS, 7, SEP, 8, 9, SEP, PAD, PAD], [CLS, 7, 8, 9, SEP, 7, SEP, 8]])

    segments = SegmentIds(SEP, 2)(tokens)

    np.testing.assert_array_equal(segments, [[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1]])


def test_positions_add_the_first_rows_of_the_table():
    layer = PositionEmbedding(4)
    zeros = tf.zeros([2, 3, 5])

    np.testing.assert_array_equal(layer(zeros)[1], layer.embeddings[:3])


def test_longer_sequences_are_refused():
    with pytest.raises(ConfigurationError, match="at most `max_positions` = 4 .*Received: 5"):
        PositionEmbedding(4)(tf.zeros([1, 5, 2]))


def test_the_mean_is_that_of_real_tokens_alone():
    tokens = tf.constant([[7, 8, PAD], [PAD, PAD, PAD]])
    plain = tf.constant([[[1.0], [3.0], [50.0]], [[50.0], [50.0], [50.0]]])
    with_special = tf.pad(plain, [[0, 0], [1, 1], [0, 0]], constant_values=90.0)

    np.testing.assert_allclose(MeanOfTokens(PAD)([plain, tokens]), [[2.0], [0.0]])
    np.testing.assert_allclose(MeanOfTokens(PAD)([with_special, tokens]), [[2.0], [0.0]])
    np.testing.assert_allclose(FirstToken()(with_special), [[90.0], [90.0]])
