"""Tests of sslkeras.evaluation.retrieval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.preprocessing import normalize

from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation import retrieval
from sslkeras.evaluation.retrieval import Retrieval, ranked, retrieve, unit
from tests.evaluation.tables import classified

# Five items at angles 10, 20, ... degrees from the query of class 1, and their mirror images.
ANGLES = np.radians([10, 20, 30, 40, 50])
BANK = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
QUERY = np.array([[2.0, 0.0]], np.float32)


def test_metrics_of_a_known_order():
    found = retrieve(QUERY, BANK, np.array([1]), np.array([1, 0, 1, 0, 1]), k=(1, 3, 50))

    assert found["mAP"] == pytest.approx(0.75555556)
    assert found["R@1"] == found["R@3"] == found["MRR"] == pytest.approx(1.0)
    assert found["P@3"] == found["recall fraction@3"] == pytest.approx(2 / 3)
    assert found["chance P@k"] == pytest.approx(0.6)
    assert found["queries without relevant"] == 0.0
    assert "R@50" not in found


def test_the_mean_leaves_out_queries_without_relevant_items_and_counts_them():
    queries = np.repeat(QUERY, 3, axis=0)

    # Ranked relevance 1,0,1,0,1 and 0,0,0,1,0 (class 2), and none (class 7).
    found = retrieve(queries, BANK, np.array([1, 2, 7]), np.array([1, 0, 1, 2, 1]), k=(1,))

    assert found["queries without relevant"] == 1.0
    assert found["mAP"] == pytest.approx((0.75555556 + 0.25) / 2)
    assert found["R@1"] == pytest.approx(1 / 3)  # Recall@k is a share of all queries.


def test_a_query_does_not_find_itself():
    rows = np.concatenate([BANK[:2], -BANK[:2]])
    classes = np.array([0, 1, 2, 0])

    alone = retrieve(rows, rows, classes, classes, k=(1,), exclude_self=True)
    itself = retrieve(rows, rows, classes, classes, k=(1,))

    assert itself["R@1"] == 1.0
    assert alone["R@1"] == 0.0
    # Of 4 rows the first and the last have one relevant row among the other 3.
    assert alone["chance P@k"] == pytest.approx(2 / 3 / 4)
    assert alone["queries without relevant"] == 2.0


def test_equally_similar_items_keep_the_order_of_the_database():
    bank = np.repeat(BANK[:1], 4, axis=0)

    ((_, order),) = ranked(QUERY, bank, "cosine")

    assert order.tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_map_agrees_with_scikit_learn(similarity, seed):
    generator = np.random.default_rng(seed)
    bank = generator.normal(3.0, 1.0, (15, 3)).astype(np.float32)
    queries = generator.normal(3.0, 1.0, (4, 3)).astype(np.float32)
    classes, truth = generator.integers(0, 2, 15), generator.integers(0, 2, 4)
    classes[:2] = 0, 1
    pairwise = metrics.pairwise.cosine_similarity
    if similarity == "euclidean":

        def pairwise(a, b):
            return -metrics.pairwise.euclidean_distances(a.astype(float), b.astype(float))

    expected = np.mean(
        [
            metrics.average_precision_score(classes == c, row)
            for c, row in zip(truth, pairwise(queries, bank), strict=True)
        ]
    )

    found = retrieve(queries, bank, truth, classes, k=(1,), similarity=similarity)

    assert found["mAP"] == pytest.approx(expected, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(classified(least_rows=3), st.booleans(), st.sampled_from(["cosine", "euclidean"]))
def test_all_metrics_agree_with_scikit_learn_where_items_tie(drawn, exclude_self, similarity):
    bank, classes = drawn
    queries, truth = (bank, classes) if exclude_self else (bank[:2], classes[:2])
    ((_, order),) = ranked(queries, bank, similarity, exclude_self, len(bank))
    relevant = truth[:, np.newaxis] == classes[order]
    there = relevant.any(axis=1)
    # The order among items that tie is given, so that scikit-learn's own scores cannot tie.
    scores = -np.arange(relevant.shape[1], dtype=float)
    k = min(2, relevant.shape[1])

    if not there.any():
        with pytest.raises(DataError, match="an item of its class in the database"):
            retrieve(queries, bank, truth, classes, k=(k,), exclude_self=exclude_self)
        return
    found = retrieve(
        queries,
        bank,
        truth,
        classes,
        k=(k,),
        ndcg_ranks=4,
        similarity=similarity,
        exclude_self=exclude_self,
    )

    precision = [metrics.average_precision_score(row, scores) for row in relevant[there]]
    assert found["mAP"] == pytest.approx(np.mean(precision))
    gain = [metrics.ndcg_score([row], [scores], k=4) for row in relevant[there]]
    assert found["nDCG@4"] == pytest.approx(np.mean(gain))
    first = relevant[:, :k]
    assert found[f"R@{k}"] == pytest.approx(first.any(axis=1).mean())
    assert found[f"P@{k}"] == pytest.approx(first.mean())
    recalls = [
        metrics.recall_score(row, np.arange(len(row)) < k) for row in relevant[there].astype(int)
    ]
    assert found[f"recall fraction@{k}"] == pytest.approx(np.mean(recalls))
    reciprocal = [
        metrics.label_ranking_average_precision_score([one], [scores])
        for one in np.eye(relevant.shape[1])[relevant[there].argmax(axis=1)]
    ]
    assert found["MRR"] == pytest.approx(np.sum(reciprocal) / len(relevant))
    assert found["queries without relevant"] == (~there).sum()


@settings(max_examples=30, deadline=None)
@given(classified(), st.sampled_from(["cosine", "euclidean"]))
def test_the_order_agrees_with_scikit_learn(drawn, similarity):
    bank, _ = drawn
    queries = bank[:5] + np.float32(0.25)
    wide = bank.astype(np.float64), queries.astype(np.float64)
    distances = (
        metrics.pairwise.cosine_distances
        if similarity == "cosine"
        else metrics.pairwise.euclidean_distances
    )(wide[1], wide[0])

    ((_, order),) = ranked(queries, bank, similarity, size=5)

    found = np.take_along_axis(distances, order, axis=1)
    assert (np.sort(order, axis=1) == np.arange(len(bank))).all()
    # float32 may exchange items whose distances it cannot tell apart.
    assert (np.diff(found, axis=1) >= -2e-3 * np.maximum(1.0, found[:, :-1])).all()


@settings(max_examples=30, deadline=None)
@given(classified(), st.sampled_from([1e-30, 1.0, 1e25]))
def test_unit_rows_agree_with_scikit_learn_at_any_scale(drawn, scale):
    rows = drawn[0].astype(np.float64)

    found = unit((scale * rows).astype(np.float32))

    np.testing.assert_allclose(found, normalize(rows), atol=1e-6)


def test_chunks_do_not_change_the_metrics(monkeypatch):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(23, 4)).astype(np.float32)
    classes = generator.integers(0, 3, 23)
    whole = retrieve(rows, rows, classes, classes, k=(1, 5), exclude_self=True)

    monkeypatch.setattr(retrieval, "_CHUNK", 50)  # Two queries at a time.

    again = retrieve(rows, rows, classes, classes, k=(1, 5), exclude_self=True)
    assert again == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("database, expected", [("train", 1.0), ("test", 0.0)])
def test_the_database_is_the_train_split_or_the_other_test_examples(subject_of, database, expected):
    train, labels = BANK[[0, 4]], np.array([0, 1])
    # Each test example has its class beside it in train, the other class in test.
    subject = subject_of(train, labels, train * 2, labels)
    if database == "test":
        subject = subject_of(train, labels, np.concatenate([train, -train]), [0, 1, 1, 0])

    found = Retrieval(database=database, k=(1,)).run(subject, 0)

    assert found["R@1"] == expected


def test_ranks_beyond_the_database_are_left_out_aloud(subject_of):
    subject = subject_of(BANK, [1, 0, 1, 0, 1], QUERY, [1])

    found = Retrieval().run(subject, 0)

    assert [name for name in found if name.startswith("R@")] == ["R@1", "R@5"]
    assert "ranks [10, 20, 50] are left out" in subject.notes[0]


def test_one_class_only_is_refused(subject_of):
    with pytest.raises(DataError, match="two or more classes in the train split. Received: 1"):
        Retrieval().run(subject_of(BANK, [1] * 5, QUERY, [1]), 0)


def test_no_query_with_a_relevant_item_is_refused(subject_of):
    with pytest.raises(DataError, match="an item of its class in the database. Received: none"):
        Retrieval().run(subject_of(BANK, [1, 0, 1, 0, 1], QUERY, [5]), 0)


def test_features_with_nan_are_refused(subject_of):
    bad = BANK.copy()
    bad[1, 0] = np.nan

    with pytest.raises(DataError, match=r"NaN or infinity in 1 of 5 rows"):
        Retrieval().run(subject_of(bad, [1, 0, 1, 0, 1], QUERY, [1]), 0)


@pytest.mark.parametrize("arguments", [{"k": ()}, {"k": (0,)}, {"similarity": "dot"}])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ConfigurationError, match=f"`{next(iter(arguments))}` of Retrieval must"):
        Retrieval(**arguments)
