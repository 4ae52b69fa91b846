"""Tests of sslkeras_word_prediction.word_table."""

import keras
import numpy as np
import pytest
from sslkeras_word_prediction.word_table import UniformInGraph


@pytest.mark.parametrize("seed", [None, 5])
def test_numbers_made_in_a_graph_are_those_of_keras(seed):
    drawn = []
    for kind in (UniformInGraph, keras.initializers.RandomUniform):
        keras.utils.set_random_seed(0)
        table = keras.layers.Embedding(50, 4, embeddings_initializer=kind(-0.5, 0.5, seed))
        table.build(())
        drawn.append(table.embeddings.numpy())

    np.testing.assert_allclose(*drawn, atol=1e-7)
    assert drawn[0].std() == pytest.approx(12**-0.5, rel=0.1)
