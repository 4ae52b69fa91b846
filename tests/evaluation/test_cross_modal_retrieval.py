"""Tests of sslkeras.evaluation.cross_modal_retrieval."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation import cross_modal_retrieval as module
from sslkeras.evaluation.cross_modal_retrieval import (
    CrossModalRetrieval,
    class_ndcg,
    partner_ranks,
    ranks_of,
)
from sslkeras.evaluation.probe import Subject

SIMILAR = np.array([[0.9, 0.1, 0.3], [0.8, 0.7, 0.2], [0.1, 0.2, 0.6]])


def test_ranks_of_the_true_partner_in_both_directions():
    assert ranks_of(SIMILAR).tolist() == [1, 2, 1]
    assert ranks_of(SIMILAR.T).tolist() == [1, 1, 1]
    assert (ranks_of(SIMILAR) <= 1).mean() == pytest.approx(0.66666667)


def test_a_tie_goes_to_the_item_that_comes_first():
    assert ranks_of(np.ones((3, 3))).tolist() == [1, 2, 3]


def test_chunks_do_not_change_the_ranks(monkeypatch):
    first, second = np.random.default_rng(0).normal(size=(2, 20, 3))
    whole = partner_ranks(first, second)

    monkeypatch.setattr(module, "_CHUNK", 60)

    assert partner_ranks(first, second).tolist() == whole.tolist()
    similar = first @ second.T / np.linalg.norm(second, axis=1)
    expected = [(row > row[i]).sum() + 1 for i, row in enumerate(similar)]
    assert whole.tolist() == expected


def test_ndcg_within_a_modality_leaves_out_the_query():
    rows = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])

    assert class_ndcg(rows, rows, np.array([0, 1, 0, 1]), 1, exclude_self=True) == 0.0
    assert class_ndcg(rows, rows, np.array([0, 1, 0, 1]), 1, exclude_self=False) == 1.0
    assert np.isnan(class_ndcg(rows, rows, np.arange(4), 1, exclude_self=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_ranks_agree_with_scipy(seed, count):
    similar = np.random.default_rng(seed).integers(0, 3, (count, count)) / 2.0  # Many tie.

    expected = [rankdata(-row, method="ordinal")[i] for i, row in enumerate(similar)]

    assert ranks_of(similar).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.booleans())
def test_ndcg_agrees_with_scikit_learn(seed, k, within):
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(2, 7, 3))
    second = first if within else second
    classes = generator.integers(0, 3, 7)
    relevant, similar = classes[:, np.newaxis] == classes, cosine_similarity(first, second)
    if within:  # Without the query itself.
        other = ~np.eye(7, dtype=bool)
        relevant, similar = relevant[other].reshape(7, 6), similar[other].reshape(7, 6)
    expected = [
        ndcg_score([row], [values], k=k)
        for row, values in zip(relevant, similar, strict=True)
        if row.any()
    ]

    found = class_ndcg(first, second, classes, k, exclude_self=within)

    assert found == pytest.approx(np.mean(expected), abs=1e-6) if expected else np.isnan(found)


def flat(width):
    return keras.Sequential([keras.Input((width,)), keras.layers.Activation("linear")])


def two_encoders(sight, sound, labels, train=None):
    """A subject with an encoder for each modality; both give what they get."""
    test = ArraySplit({"sight": sight, "sound": sound, "label": labels})
    encoders = {"eye": flat(sight.shape[1]), "ear": flat(sound.shape[1])}
    return Subject(
        "pretrained",
        Given(train or test, test),
        "sight",
        encoders["eye"],
        encoders=encoders,
        reads={"eye": "sight", "ear": "sound"},
    )


def test_aligned_spaces_are_searched_in_both_directions():
    sight = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    labels = np.arange(20) % 2

    found = CrossModalRetrieval(k=(1, 5, 50)).run(two_encoders(sight, 3 * sight, labels), 0)

    assert found["R@1, eye to ear"] == found["R@1, ear to eye"] == 1.0
    assert found["median rank, ear to eye"] == 1.0
    assert found["chance R@5"] == pytest.approx(0.25)
    assert "chance R@50" not in found
    assert {"nDCG@30, eye to ear", "nDCG@30, ear to eye"} < set(found)
    assert {"nDCG@30, eye to eye", "nDCG@30, ear to ear"} < set(found)


def test_spaces_that_do_not_agree_are_aligned_on_train_pairs():
    generator = np.random.default_rng(1)
    shared = generator.normal(size=(60, 3)).astype(np.float32)
    turned = (shared @ generator.normal(size=(3, 5)) + 2.0).astype(np.float32)
    train = ArraySplit({"sight": shared[:40], "sound": turned[:40], "label": np.zeros(40, int)})
    subject = two_encoders(shared[40:], turned[40:], np.zeros(20, int), train)

    found = CrossModalRetrieval(align="cca").run(subject, 0)

    assert found["R@1, eye to ear"] == found["R@1, ear to eye"] == 1.0


def test_features_of_different_length_need_an_alignment():
    subject = two_encoders(np.eye(3, dtype=np.float32), np.ones((3, 2), np.float32), np.arange(3))

    with pytest.raises(DataError, match=r"same length. Received: 3 \('eye'\) and 2.*align='cca'"):
        CrossModalRetrieval().run(subject, 0)


def test_a_run_with_one_encoder_is_refused(data):
    subject = Subject("pretrained", data, "image", None, reads={"encoder": "image"})

    with pytest.raises(ConfigurationError, match="run with two encoders. Received: encoder"):
        CrossModalRetrieval().run(subject, 0)


def test_an_encoder_that_is_not_there_is_refused():
    eye = np.eye(3, dtype=np.float32)

    with pytest.raises(ConfigurationError, match="eye, ear. Received: 'nose'"):
        CrossModalRetrieval(encoders=("eye", "nose")).run(two_encoders(eye, eye, np.arange(3)), 0)
    with pytest.raises(ConfigurationError, match="two different names"):
        CrossModalRetrieval(encoders=("eye", "eye"))
