"""Linear probe: how well a linear model reads the targets off frozen features."""

import numpy as np
import tensorflow as tf
from sklearn.metrics import r2_score

from sslkeras.errors import DataError
from sslkeras.evaluation import labels as labels_module
from sslkeras.evaluation.logistic import Logistic
from sslkeras.evaluation.logistic_sgd import fit_logistic_sgd
from sslkeras.evaluation.moments import standardiser
from sslkeras.evaluation.probe import (
    Probe,
    accuracies,
    check_lengths,
    check_probe_pooling,
    classes_of,
    keep_confusion,
)
from sslkeras.evaluation.ridge import fit_ridge
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

    to convergence, the bias `b` unpenalised. Real numbers are predicted by ridge regression
    with the same penalty; where the target has several (a box, positions of frames), R^2 is
    the mean over them.

    Args:
        labels: How many training labels are used: None for all, a float for a fraction, an
            integer for a count, or a list of these. See `sslkeras.evaluation.labels.subset`.
        l2: Weight of the penalty, or "search": the best of 0.1, 1, 10 and 100 on a fifth of
            the labelled examples that is held out of the fit.
        standardise: Whether features are brought to mean 0 and deviation 1, both measured
            on the labelled train examples; a constant feature is only centred.
        pooling: How maps become vectors; None for the evaluation's.
        target: Feature that holds the class, or the numbers to predict: real ones of any
            shape, or several integers.
        backend: How classes are fitted. "exact": L-BFGS, with the labelled features in memory
            in float32. "sgd": batches on the encoder's replicas, for features that memory cannot
            hold; it comes close to the same minimum.
        epochs: Passes of "sgd" over the labelled examples.
        batch_size: Examples in a step of "sgd", over all replicas.
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
        "backend": Choice("exact", "sgd"),
        "epochs": Integer(1),
        "batch_size": Integer(1),
        "seeds": Integer(1),
    }

    def __init__(
        self,
        *,
        labels=None,
        l2=1.0,
        standardise=True,
        pooling=None,
        target="label",
        backend="exact",
        epochs=20,
        batch_size=2048,
        seeds=1,
    ):
        super().__init__(
            labels=labels,
            l2=l2,
            standardise=standardise,
            pooling=pooling,
            target=target,
            backend=backend,
            epochs=epochs,
            batch_size=batch_size,
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
        if np.issubdtype(targets.dtype, np.floating) or (
            targets.ndim > 1 and targets.dtype.kind in "biu"
        ):
            # Without strata: several integers an example are no classes.
            targets = _numbers(targets, self.target, "train")
            test_targets = _numbers(subject.targets("test", self.target), self.target, "test")
            check_lengths(train, targets, self.target, "train")
            check_lengths(test, test_targets, self.target, "test")
            if len(test) < 2:
                raise DataError(
                    "R^2 must be taken over two or more test examples. Received: one. Choose a "
                    "dataset with more of them."
                )

            def judge(rows):
                return self._regress(_rows(train, rows), targets[rows], test, test_targets, seed)
        else:
            classes, truth, test_truth = classes_of(subject, self.target)

            def judge(rows):
                train_rows = _rows(train, rows)
                return self._classify(
                    train_rows, truth[rows], test, test_truth, classes, seed, subject
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
        l2 = self.l2
        if l2 == "search":
            fitted = {}

            def accuracy(l2, fit, held_out):
                if "model" not in fitted:  # One for all penalties, each begins where one ended.
                    fitted["model"] = self._fitter(
                        train[fit], truth[fit], num_classes, seed, subject
                    )
                scores = fitted["model"](l2)(train[held_out])
                return (scores.argmax(axis=-1) == truth[held_out]).mean()

            l2 = self._choose_l2(len(train), seed, accuracy, truth)
        scores = self._fitter(train, truth, num_classes, seed, subject)(l2)(test)
        keep_confusion(subject, test_truth, scores.argmax(axis=-1), classes, self.target)
        return accuracies(scores, test_truth)

    def _fitter(self, train, truth, num_classes, seed, subject):
        """A function from the penalty to scores of features."""
        if self.backend == "exact":
            return Logistic(train, truth, num_classes, subject.note).fit
        return lambda l2: fit_logistic_sgd(
            train,
            truth,
            l2,
            num_classes,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            strategy=_strategy(subject),
            note=subject.note,
        )

    def _regress(self, train, targets, test, test_targets, seed):
        train, test = self._prepare(train, test)
        l2 = self.l2
        if l2 == "search":

            def score(l2, fit, held_out):
                predict = fit_ridge(train[fit], targets[fit], l2)
                return r2_score(targets[held_out], predict(train[held_out]))

            l2 = self._choose_l2(len(train), seed, score)
        predicted = fit_ridge(train, targets, l2)(test)
        return {"R^2": float(r2_score(test_targets, predicted))}

    def _prepare(self, train, test):
        if not self.standardise:
            return train, test
        standardise = standardiser(train)
        return standardise(train), standardise(test)

    def _choose_l2(self, count, seed, score, truth=None):
        strata = np.zeros(count) if truth is None else truth
        held_out = labels_module.subset(strata, _VALIDATION, seed + 1)
        fit = np.setdiff1d(np.arange(count), held_out)
        if len(fit) < 2 or (truth is not None and len(np.unique(truth[fit])) < 2):
            return 1.0  # Too few labels to hold some out.
        # Of equal scores the stronger penalty is the safer one.
        return max(reversed(_SEARCHED), key=lambda l2: score(l2, fit, held_out))


def _rows(features, chosen):
    """Those rows, without a copy if they are all."""
    return features if len(chosen) == len(features) else features[chosen]


def _numbers(targets, name, split):
    """Targets as float64 `(examples, numbers)`.

    Raises:
        DataError: If one is NaN or infinite.
    """
    numbers = targets.reshape(len(targets), -1).astype(np.float64)
    bad = int((~np.isfinite(numbers).all(axis=1)).sum())
    if bad:
        raise DataError(
            f"Numbers to predict must be finite. Received: NaN or infinity in {bad} of "
            f"{len(numbers)} values of '{name}' ({split} split). Choose another `target`, or leave "
            "these examples out of the dataset."
        )
    return numbers


def _strategy(subject):
    """The replicas of the encoder, or those of the scope we are in."""
    if subject.encoder is not None:
        strategy = subject.encoder.distribute_strategy
        if isinstance(strategy, tf.distribute.MirroredStrategy):
            return strategy
    return tf.distribute.get_strategy()
