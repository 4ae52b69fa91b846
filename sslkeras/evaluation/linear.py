"""Linear probe: how well a linear model reads the targets off frozen features."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from sslkeras.evaluation import labels as labels_module
from sslkeras.evaluation.probe import (
    Probe,
    accuracies,
    check_lengths,
    check_probe_pooling,
    classes_of,
    keep_confusion,
)
from sslkeras.hyperparameters import (
    AnyOf,
    Boolean,
    Choice,
    Integer,
    ListOf,
    Optional,
    Real,
    Text,
)

_SEARCHED = (0.1, 1.0, 10.0, 100.0)
_VALIDATION = 0.2


class Linear(Probe):
    """Multinomial logistic regression (ridge regression for real numbers) on frozen features.

    With features `x` and classes `y` of the train split it minimises

        sum over examples of -log softmax(W x + b)[y]  +  l2 / 2 * ||W||^2

    to convergence (L-BFGS), the bias `b` unpenalised.

    Args:
        labels: How many training labels are used: None for all, a float for a fraction, an
            integer for a count, or a list of these. See `sslkeras.evaluation.labels.subset`.
        l2: Weight of the penalty, or "search": the best of 0.1, 1, 10 and 100 on a fifth of
            the labelled examples that is held out of the fit.
        standardise: Whether features are brought to mean 0 and deviation 1, both measured
            on the labelled train examples; a constant feature is only centred.
        pooling: How maps become vectors; None for the evaluation's.
        target: Feature that holds the class, or the real number or numbers to predict, of any
            shape; then R^2 is the mean over the numbers.
        seeds: How many subsets are drawn; it makes no difference when `labels` is None.
    """

    reads = ("label",)
    hyperparameters = {
        "labels": Optional(
            AnyOf(labels_module.LABELS, ListOf(labels_module.LABELS, min_length=1)), "all labels"
        ),
        "l2": AnyOf(Real(0, closed="neither"), Choice("search")),
        "standardise": Boolean(),
        "pooling": Optional(Text("a pooling"), "that of the evaluation"),
        "target": Text("the name of a feature"),
        "seeds": Integer(1),
    }

    def __init__(
        self, *, labels=None, l2=1.0, standardise=True, pooling=None, target="label", seeds=1
    ):
        super().__init__(
            labels=labels,
            l2=l2,
            standardise=standardise,
            pooling=pooling,
            target=target,
            seeds=seeds,
        )
        check_probe_pooling(pooling)
        self.reads = (target,)

    def run(self, subject, seed):
        """Fits and scores one linear model for each of `labels`.

        Returns:
            "top-1", "top-5" (6 or more classes) and "per class"; "R^2" for real numbers.
            With a list of `labels` each name ends in the subset, e.g. "top-1, 10% of labels".
        """
        train = subject.features("train", self.pooling)
        test = subject.features("test", self.pooling)
        targets = subject.targets("train", self.target)
        if np.issubdtype(targets.dtype, np.floating):
            test_targets = subject.targets("test", self.target)
            check_lengths(train, targets, self.target, "train")
            check_lengths(test, test_targets, self.target, "test")
            targets = targets.reshape(len(targets), -1) if targets.ndim > 2 else targets
            test_targets = test_targets.reshape(len(test_targets), *targets.shape[1:])

            def judge(rows):
                return self._regress(train[rows], targets[rows], test, test_targets, seed)
        else:
            classes, truth, test_truth = classes_of(subject, self.target)

            def judge(rows):
                return self._classify(
                    train[rows], truth[rows], test, test_truth, classes, seed, subject
                )

        several = isinstance(self.labels, tuple)
        result = {}
        for amount in self.labels if several else (self.labels,):
            rows = labels_module.subset(targets, amount, seed)
            ending = f", {labels_module.describe(amount)}" if several else ""
            result |= {name + ending: value for name, value in judge(rows).items()}
        return result

    def _classify(self, train, truth, test, test_truth, classes, seed, subject):
        train, test = self._prepare(train, test)
        num_classes = len(classes)

        def accuracy(l2, fit, held_out):
            scores = fit_logistic(train[fit], truth[fit], l2, num_classes, subject.note)
            return (scores(train[held_out]).argmax(axis=-1) == truth[held_out]).mean()

        l2 = self._choose_l2(len(train), seed, accuracy, truth)
        scores = fit_logistic(train, truth, l2, num_classes, subject.note)(test)
        keep_confusion(subject, test_truth, scores.argmax(axis=-1), classes, self.target)
        return accuracies(scores, test_truth)

    def _regress(self, train, targets, test, test_targets, seed):
        train, test = self._prepare(train, test)

        def score(l2, fit, held_out):
            return (
                Ridge(alpha=l2)
                .fit(train[fit], targets[fit])
                .score(train[held_out], targets[held_out])
            )

        l2 = self._choose_l2(len(train), seed, score)
        return {"R^2": float(Ridge(alpha=l2).fit(train, targets).score(test, test_targets))}

    def _prepare(self, train, test):
        # float64: L-BFGS stops early on the rounding noise of float32 objectives.
        train, test = train.astype(np.float64), test.astype(np.float64)
        if not self.standardise:
            return train, test
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        deviation = np.where(deviation < 1e-6, 1.0, deviation)
        return (train - mean) / deviation, (test - mean) / deviation

    def _choose_l2(self, count, seed, score, truth=None):
        if self.l2 != "search":
            return self.l2
        strata = np.zeros(count) if truth is None else truth
        held_out = labels_module.subset(strata, _VALIDATION, seed + 1)
        fit = np.setdiff1d(np.arange(count), held_out)
        if len(fit) < 2 or (truth is not None and len(np.unique(truth[fit])) < 2):
            return 1.0  # Too few labels to hold some out.
        # Of equal scores the stronger penalty is the safer one.
        return max(reversed(_SEARCHED), key=lambda l2: score(l2, fit, held_out))


def fit_logistic(features, truth, l2, num_classes, note=lambda text: None):
    """Fits multinomial logistic regression to convergence.

    Args:
        features: float64 `(examples, features)`.
        truth: int `(examples,)`, two or more different values in [0, num_classes).
        l2: Weight of the penalty `l2 / 2 * ||W||^2`.
        num_classes: Classes in all; those that `truth` lacks score -infinity.
        note: Told in words if the fit did not converge.

    Returns:
        A function from features `(examples, features)` to scores `(examples, num_classes)`:
        log probabilities up to a constant an example.
    """
    present = np.unique(truth)
    # Two classes share one weight vector w in scikit-learn. As rows -w/2 and w/2 of W it
    # costs ||W||^2 = ||w||^2 / 2: half the penalty.
    strength = 2.0 / l2 if len(present) == 2 else 1.0 / l2
    model = LogisticRegression(C=strength, max_iter=1000, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(features, truth)
        except ConvergenceWarning:
            note(
                "The linear probe did not converge in 1000 iterations; standardise=True or a "
                "larger l2 helps."
            )
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, truth)

    def scores(rows):
        decision = model.decision_function(rows)
        if len(present) == 2:
            decision = np.stack([-decision / 2, decision / 2], axis=-1)
        result = np.full((len(rows), num_classes), -np.inf)
        result[:, present] = decision
        return result

    return scores
