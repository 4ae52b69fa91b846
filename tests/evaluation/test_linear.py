"""Tests of sslkeras.evaluation.linear."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.linear import Linear
from sslkeras.evaluation.logistic import fit_logistic
from sslkeras.evaluation.logistic_sgd import fit_logistic_sgd
from sslkeras.evaluation.moments import standardiser
from sslkeras.evaluation.probe import Subject
from sslkeras.training.strategies import create_strategy

X = np.array([[0, 0], [1, 0], [0, 1], [3, 3], [4, 3], [3, 4], [0, 5], [1, 5], [0, 6]], float)
Y = np.repeat([0, 1, 2], 3)


def test_probabilities_are_those_of_the_minimum():
    scores = fit_logistic(X, Y, 1.0, 3)

    # Computed with scipy at a gradient norm of 1e-9.
    np.testing.assert_allclose(
        softmax(scores(np.array([[1.5, 2.5]])), axis=-1)[0],
        [0.38610184, 0.41643558, 0.19746258],
        atol=2e-5,
    )
    assert (scores(X).argmax(axis=-1) == Y).all()


@pytest.mark.parametrize("num_classes", [2, 3])
def test_the_multinomial_objective_is_minimised(num_classes):
    generator = np.random.default_rng(0)
    features, truth = generator.normal(size=(40, 3)), np.arange(40) % num_classes

    def objective(parameters):
        weights, bias = np.split(parameters.reshape(4, num_classes), [3])
        logits = log_softmax(features @ weights + bias, axis=-1)
        return -logits[np.arange(40), truth].sum() + 0.25 * (weights**2).sum()

    best = minimize(objective, np.zeros(4 * num_classes), tol=1e-9).x.reshape(4, num_classes)
    expected = softmax(features @ best[:3] + best[3], axis=-1)

    scores = fit_logistic(features, truth, 0.5, num_classes)

    np.testing.assert_allclose(softmax(scores(features), axis=-1), expected, atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 7))
def test_the_probe_equals_scikit_learn(subject_of, seed, num_classes):
    generator = np.random.default_rng(seed)
    truth, test_truth = np.arange(70) % num_classes, np.arange(30) % num_classes
    train = generator.normal(3.0, 2.0, (70, 4)).astype(np.float32) + truth[:, None]
    test = generator.normal(3.0, 2.0, (30, 4)).astype(np.float32) + test_truth[:, None]
    scaler = StandardScaler().fit(train.astype(np.float64))
    reference = LogisticRegression(max_iter=1000, tol=1e-5)
    reference.fit(scaler.transform(train.astype(np.float64)), truth)
    right = reference.predict(scaler.transform(test.astype(np.float64))) == test_truth

    result = Linear().run(subject_of(train, truth, test, test_truth), seed=0)

    assert result["top-1"] == pytest.approx(right.mean())
    per_class = [right[test_truth == one].mean() for one in range(num_classes)]
    assert result["per class"] == pytest.approx(np.mean(per_class))
    assert ("top-5" in result) == (num_classes >= 6)


def test_real_numbers_may_stand_in_a_table(subject_of):
    random = np.random.default_rng(0)
    places = random.normal(size=(60, 3, 2)).astype(np.float32)
    features = places.reshape(60, 6) @ random.normal(size=(6, 8)).astype(np.float32)
    noise = random.normal(size=(60, 3, 2)).astype(np.float32)

    def data(targets):
        return subject_of(features[:40], targets[:40], features[40:], targets[40:])

    table, row = (
        Linear(labels=None, l2=1e-3).run(data(noisy), 0)
        for noisy in (places + noise, (places + noise).reshape(60, 6))
    )

    assert Linear(labels=None, l2=1e-3).run(data(places), 0)["R^2"] > 0.99
    assert table["R^2"] == pytest.approx(row["R^2"])
    assert row["R^2"] < 0.8


def test_real_numbers_are_predicted_by_ridge_regression(subject_of):
    generator = np.random.default_rng(0)
    train, test = generator.normal(size=(40, 3)), generator.normal(size=(20, 3))
    y, test_y = train @ [1.0, 2.0, 3.0], test @ [1.0, 2.0, 3.0] + generator.normal(size=20)
    scaler = StandardScaler().fit(train.astype(np.float32))
    reference = Ridge(alpha=1.0).fit(scaler.transform(train), y)

    result = Linear().run(subject_of(train, y, test, test_y), seed=0)

    assert result == {
        "R^2": pytest.approx(reference.score(scaler.transform(test), test_y), rel=1e-4)
    }


def test_a_target_of_rank_two_is_predicted_number_by_number():
    generator = np.random.default_rng(0)
    train, test = (generator.normal(size=(n, 3)).astype(np.float32) for n in (60, 30))
    mixing = generator.normal(size=(3, 4))
    noise = generator.normal(size=(30, 2, 2))
    y, test_y = (train @ mixing).reshape(60, 2, 2), (test @ mixing).reshape(30, 2, 2) + noise
    splits = [
        ArraySplit({"image": x, "positions": np.asarray(t, np.float32)})
        for x, t in ((train, y), (test, test_y))
    ]
    scaler = StandardScaler().fit(train)
    reference = Ridge(alpha=1.0).fit(scaler.transform(train), y.reshape(60, 4))
    found = reference.predict(scaler.transform(test))
    scores = [r2_score(test_y.reshape(30, 4)[:, i], found[:, i]) for i in range(4)]

    result = Linear(target="positions").run(
        Subject("raw input", Given(*splits), "image", None), seed=0
    )

    assert result == {"R^2": pytest.approx(np.mean(scores), rel=1e-4)}


@pytest.mark.parametrize("replicas", [1, 2])
def test_gradient_steps_come_to_the_exact_solution(replicas):
    generator = np.random.default_rng(0)
    truth = np.arange(3000) % 4
    # Correlated features of unequal scales.
    features = generator.normal(size=(3000, 12)) + 0.7 * truth[:, None] * np.arange(12) / 12
    features = (features @ generator.normal(size=(12, 12))).astype(np.float32)
    rows = standardiser(features)(features)
    strategy = (
        create_strategy("mirrored(devices=2)") if replicas == 2 else tf.distribute.get_strategy()
    )
    notes = []

    scores = fit_logistic_sgd(
        rows,
        truth,
        1.0,
        5,
        epochs=150,
        batch_size=500,
        seed=0,
        strategy=strategy,
        note=notes.append,
    )

    expected = fit_logistic(rows, truth, 1.0, 5)
    assert notes == []
    np.testing.assert_allclose(
        softmax(scores(rows), axis=-1), softmax(expected(rows), axis=-1), atol=0.02
    )


def test_more_features_than_examples_have_the_same_minimum():
    generator = np.random.default_rng(0)
    features, truth = generator.normal(size=(20, 50)), np.arange(20) % 3
    reference = LogisticRegression(max_iter=5000, tol=1e-9).fit(features, truth)
    test = generator.normal(size=(10, 50))

    scores = fit_logistic(features, truth, 1.0, 3)

    np.testing.assert_allclose(
        softmax(scores(test), axis=-1), reference.predict_proba(test), atol=1e-4
    )


def test_numbers_that_are_not_finite_are_refused(subject_of):
    with pytest.raises(DataError, match="NaN or infinity in 1 of 9 values of 'label'"):
        Linear().run(subject_of(X, np.where(np.arange(9) == 2, np.nan, 1.0 * Y), X, Y), seed=0)


def test_several_label_amounts_are_told_apart(subject_of):
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 3
    features = generator.normal(size=(60, 2)) + 2 * truth[:, None]

    result = Linear(labels=[0.1, 30, 1.0]).run(subject_of(features, truth, features, truth), seed=0)

    assert {"top-1, 10% of labels", "top-1, 30 labels", "top-1, all labels"} <= set(result)


def test_the_search_does_not_look_at_the_test_split(subject_of):
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 3
    features = generator.normal(size=(60, 5)) + truth[:, None]
    probe = Linear(l2="search")
    chosen = []
    probe._choose_l2 = lambda *a: chosen.append(Linear._choose_l2(probe, *a)) or chosen[-1]

    probe.run(subject_of(features, truth, features, truth), seed=0)
    probe.run(subject_of(features, truth, features, truth[::-1].copy()), seed=0)

    assert chosen[0] == chosen[1]
    assert chosen[0] in (0.1, 1.0, 10.0, 100.0)


def test_a_test_class_that_training_lacks_counts_as_wrong(subject_of):
    subject = subject_of(X, Y, X, np.where(Y == 2, 9, Y))

    result = Linear(standardise=False).run(subject, seed=0)

    assert result["top-1"] == pytest.approx(6 / 9)
    assert "3 test examples have a class" in subject.notes[0]


def test_one_class_is_refused(subject_of):
    subject = subject_of(X, np.zeros(9, int), X, Y)

    with pytest.raises(DataError, match="two or more classes in the train split. Received: 1"):
        Linear().run(subject, seed=0)


def test_more_labels_than_there_are_are_refused(subject_of):
    with pytest.raises(DataError, match=r"at most as many as there are \(9\).*labels=10"):
        Linear(labels=10).run(subject_of(X, Y, X, Y), seed=0)


def test_features_with_nan_are_refused(subject_of):
    bad = X.copy()
    bad[4, 1] = np.nan

    with pytest.raises(DataError, match="NaN or infinity in 1 of 9 rows"):
        Linear().run(subject_of(bad, Y, X, Y), seed=0)


@pytest.mark.parametrize(
    "arguments", ["l2=0", "labels=0", "labels=1.5", "l2='best'", "pooling='x'"]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ConfigurationError, match=f"`{arguments.partition('=')[0]}`"):
        registry.probes.create(f"linear({arguments})")


def test_the_config_makes_an_equal_probe():
    probe = Linear(labels=(0.1, 30), l2="search", target="size")

    assert Linear(**probe.get_config()).get_config() == probe.get_config()
    assert probe.reads == ("size",)
