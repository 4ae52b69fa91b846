"""Bag of visual words: clips classified by how often each kind of local feature occurs.

Q. V. Le, W. Y. Zou, S. Y. Yeung, A. Y. Ng, "Learning Hierarchical Invariant Spatio-Temporal
Features for Action Recognition with Independent Subspace Analysis", CVPR 2011. H. Wang, M. M.
Ullah, A. Klaser, I. Laptev, C. Schmid, "Evaluation of Local Spatio-Temporal Features for
Action Recognition", BMVC 2009 (the protocol).
"""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score
from sklearn.svm import SVC

from sslkeras.datasets.dataset import as_float
from sslkeras.errors import DataError
from sslkeras.evaluation.chi_square import ChiSquareKernel
from sslkeras.evaluation.feature_maps import FeatureMaps, raw_batches
from sslkeras.evaluation.probe import Probe, accuracies, class_indices, keep_confusion
from sslkeras.hyperparameters import Boolean, Integer, Real, Text

_BATCH = 8  # Clips at a time.


class BagOfWords(Probe):
    """Chi-square SVM on histograms of visual words.

    The descriptors of a clip (or an image) are the encoder's outputs at all places in space
    and time. Words are k-means centres of descriptors of train clips; a clip's histogram
    counts the nearest word of each descriptor and is divided by its sum. One SVM a class, with
    kernel exp(-D / (2 A)), D the chi-square distance and A its mean over train pairs; both
    sides of each SVM weigh the same. Nothing is fitted on the test split. Baseline:
    "majority", the largest class of the train split.

    Args:
        words: Size of the vocabulary, >= 2 (3000 in the paper).
        samples_per_word: Train descriptors drawn for k-means, for each word.
        restarts: Starts of k-means, of which the best is kept.
        c: Penalty of the SVM.
        norm_threshold: Descriptors whose sum of absolute values is at or below it are
            dropped: still background.
        weighted: Whether a descriptor counts by how much that sum is above `norm_threshold`,
            instead of once.
        video: Feature that the encoder takes, clips or images.
        target: Feature that holds the class.
        seeds: How many vocabularies are drawn.
    """

    needs_encoder = True
    needs_features = False
    reads = ("video", "label")
    hyperparameters = {
        "words": Integer(2),
        "samples_per_word": Integer(1),
        "restarts": Integer(1),
        "c": Real(0, closed="neither"),
        "norm_threshold": Real(0),
        "weighted": Boolean(),
        "video": Text("the name of a feature"),
        "target": Text("the name of a feature"),
        "seeds": Integer(1),
    }

    def __init__(
        self,
        *,
        words=3000,
        samples_per_word=1000,
        restarts=3,
        c=100.0,
        norm_threshold=0.0,
        weighted=False,
        video="video",
        target="label",
        seeds=1,
    ):
        super().__init__(
            words=words,
            samples_per_word=samples_per_word,
            restarts=restarts,
            c=c,
            norm_threshold=norm_threshold,
            weighted=weighted,
            video=video,
            target=target,
            seeds=seeds,
        )
        self.reads = (video, target)

    def run(self, subject, seed):
        """Fits vocabulary and SVMs on the train split and judges the test split.

        Returns:
            "top-1", "top-5" (6 or more classes), "per class", "mean AP" over the classes that
            occur in the test split, and "majority top-1".
        """
        maps_of = FeatureMaps(subject.encoder)
        samples, train_labels = self._sample(maps_of, subject.split("train"), seed)
        class_indices(train_labels, train_labels, self.target, subject.note)
        if len(samples) < self.words:
            raise DataError(
                "A vocabulary must have as many train descriptors as words. Received: "
                f"{len(samples)} descriptors above norm_threshold={self.norm_threshold} for "
                f"words={self.words}. Choose fewer `words`, more clips or a lower threshold."
            )
        vocabulary = KMeans(self.words, n_init=self.restarts, random_state=seed)
        with warnings.catch_warnings():
            # Fewer different descriptors than words: some words then have no member.
            warnings.simplefilter("ignore", ConvergenceWarning)
            vocabulary.fit(samples)
        del samples
        train, _ = self._histograms(maps_of, subject, "train", vocabulary)
        test, test_labels = self._histograms(maps_of, subject, "test", vocabulary)
        classes, truth, test_truth = class_indices(
            train_labels, test_labels, self.target, subject.note
        )
        scores = svm_scores(train, truth, test, len(classes), self.c)
        keep_confusion(subject, test_truth, scores.argmax(axis=-1), classes, self.target)
        precisions = [
            average_precision_score(test_truth == one, scores[:, one])
            for one in range(len(classes))
            if (test_truth == one).any()
        ]
        majority = np.bincount(truth).argmax()
        return {
            **accuracies(scores, test_truth),
            **({"mean AP": float(np.mean(precisions))} if precisions else {}),
            "majority top-1": float((test_truth == majority).mean()),
        }

    def _clips(self, maps_of, split):
        """Descriptors `(places, features)`, their weights and the label, clip by clip."""
        for batch in raw_batches(split, (self.video, self.target), _BATCH):
            inputs = as_float({self.video: batch[self.video]})[self.video]
            for maps, label in zip(maps_of(inputs), batch[self.target].numpy(), strict=True):
                places = maps.reshape(-1, maps.shape[-1])
                above = np.abs(places).sum(axis=-1) - self.norm_threshold
                kept = above > 0
                yield places[kept], above[kept], label

    def _sample(self, maps_of, split, seed):
        """Train descriptors for k-means, evenly over clips, and the labels of all clips."""
        generator = np.random.default_rng(seed)
        wanted = self.words * self.samples_per_word
        # Without a known size all are kept at first.
        quota = -(-wanted // split.size) if split.size else None
        samples, labels = [], []
        for places, _, label in self._clips(maps_of, split):
            if quota is not None and len(places) > quota:
                places = places[generator.choice(len(places), quota, replace=False)]
            samples.append(places)
            labels.append(label)
        samples = np.concatenate(samples)
        if len(samples) > wanted:
            samples = samples[generator.choice(len(samples), wanted, replace=False)]
        return samples, np.array(labels)

    def _histograms(self, maps_of, subject, split, vocabulary):
        rows, labels = [], []
        for places, above, label in self._clips(maps_of, subject.split(split)):
            row = np.zeros(self.words)
            if len(places):
                weights = above if self.weighted else np.ones(len(places))
                row = np.bincount(vocabulary.predict(places), weights, minlength=self.words)
                row /= row.sum()
            rows.append(row)
            labels.append(label)
        histograms = np.stack(rows)
        empty = int((histograms.sum(axis=-1) == 0).sum())
        if empty:
            subject.note(
                f"{empty} {split} clips of '{subject.name}' have no descriptor above "
                f"norm_threshold={self.norm_threshold}: their histograms are empty."
            )
        return histograms, np.array(labels)


def svm_scores(train, truth, test, num_classes, c):
    """Decision values of one SVM a class on histograms.

    Args:
        train: float `(examples, bins)`.
        truth: int `(examples,)`, in [0, num_classes), all of them occurring.
        test: float `(test examples, bins)`.
        num_classes: Two or more.
        c: Penalty.

    Returns:
        float64 `(test examples, num_classes)`.
    """
    kernel = ChiSquareKernel(train)
    test_kernel = kernel(test)
    scores = []
    for one in range(num_classes):
        # "balanced": n / (2 n_pos) and n / (2 n_neg).
        machine = SVC(C=c, kernel="precomputed", class_weight="balanced")
        machine.fit(kernel.train, truth == one)
        scores.append(machine.decision_function(test_kernel))
    return np.stack(scores, axis=-1)
