"""Tests of sslkeras.evaluation.bag_of_words."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import chi2_kernel
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.bag_of_words import BagOfWords, svm_scores
from sslkeras.evaluation.probe import Subject


def clips(labels, seed):
    """Class c shows its own texture in a third of the places, at random, over a shared one."""
    generator = np.random.default_rng(seed)
    texture = np.eye(4)[labels][:, None, None, None, :] + np.zeros((len(labels), 4, 4, 4, 4))
    shared = generator.random((len(labels), 4, 4, 4, 1)) > 0.33
    video = np.where(shared, np.eye(4)[3], texture)
    return (video + generator.normal(0, 0.05, video.shape)).astype(np.float32)


def data_of(train_labels, test_labels):
    return Given(
        *(
            ArraySplit({"video": clips(labels, seed), "label": labels.astype(np.int32)})
            for seed, labels in ((0, train_labels), (1, test_labels))
        )
    )


DATA = data_of(np.arange(18) % 3, np.arange(13) % 3)


def identity(shape):
    places = keras.Input(shape)
    return keras.Model(places, keras.layers.Activation("linear")(places))


def subject_of(data=DATA, encoder=identity, per_frame=True):
    shape = data.train.features["video"].shape[1 if per_frame else 0 :]
    return Subject("pretrained", data, "video", encoder(shape))


@pytest.mark.parametrize("per_frame", [True, False])
def test_kinds_of_places_tell_the_classes(per_frame):
    probe = BagOfWords(words=8, samples_per_word=50, restarts=2)

    result = probe.run(subject_of(per_frame=per_frame), 0)

    assert result["top-1"] == result["per class"] == result["mean AP"] == 1.0
    assert result["majority top-1"] == pytest.approx(5 / 13)


def test_the_vocabulary_is_not_fitted_on_the_test_split():
    other = data_of(np.arange(18) % 3, np.array([2, 2, 2, 2]))
    drawn = []

    class Watched(BagOfWords):
        def _sample(self, *arguments):
            drawn.append(super()._sample(*arguments)[0])
            return drawn[-1], np.arange(18) % 3

    for data in (DATA, other):
        Watched(words=5, samples_per_word=20, restarts=1).run(subject_of(data), 0)

    np.testing.assert_array_equal(*drawn)
    assert drawn[0].shape == (100, 4)


def test_still_places_can_be_dropped():
    def shared_is_still(shape):
        places = keras.Input(shape)
        own = keras.layers.Lambda(lambda x: x[..., :3])(places)
        return keras.Model(places, keras.layers.ReLU(threshold=0.5)(own))

    subject = subject_of(encoder=shared_is_still)
    plain = BagOfWords(words=3, samples_per_word=50, norm_threshold=0.5)
    weighted = BagOfWords(words=3, samples_per_word=50, norm_threshold=0.5, weighted=True)

    assert plain.run(subject, 0)["top-1"] == weighted.run(subject, 0)["top-1"] == 1.0
    assert not subject.notes
    with pytest.raises(DataError, match="0 descriptors above norm_threshold=9.0 for words=3"):
        BagOfWords(words=3, norm_threshold=9).run(subject, 0)


def test_clips_without_descriptors_are_told():
    data = data_of(np.arange(18) % 3, np.arange(4) % 3)
    data.test._arrays["video"][0] = 0
    subject = subject_of(data)

    BagOfWords(words=4, samples_per_word=20, norm_threshold=0.2).run(subject, 0)

    assert "1 test clips of 'pretrained' have no descriptor" in subject.notes[0]


def test_one_machine_a_class_weighs_both_sides_alike():
    # Nine of class 0 and one of class 1 that is the only one of its kind.
    train = np.repeat([[1.0, 0], [0, 1]], [9, 1], axis=0)
    truth = np.repeat([0, 1], [9, 1])

    scores = svm_scores(train, truth, np.array([[1.0, 0], [0, 1]]), 2, c=0.5)

    assert scores.argmax(axis=-1).tolist() == [0, 1]
    np.testing.assert_allclose(scores[0], -scores[1], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_decisions_agree_with_scikit_learns_one_against_the_rest(seed, num_classes):
    generator = np.random.default_rng(seed)
    truth = np.arange(18) % num_classes
    rows = generator.dirichlet(np.full(6, 0.3), 26)
    rows[:, 0] = 0.0  # A word that does not occur: 0 / 0.
    rows[:18, 1] += truth / 4
    train, test = rows[:18], rows[18:]
    # Their kernel is exp(-gamma * 2 D); ours exp(-D / 2A), A the mean D over pairs.
    distances = -np.log(chi2_kernel(train, gamma=0.5))
    gamma = 1 / (4 * distances[np.triu_indices(18, 1)].mean())
    machine = SVC(C=10.0, class_weight="balanced", kernel=lambda a, b: chi2_kernel(a, b, gamma))
    expected = OneVsRestClassifier(machine).fit(train, truth).decision_function(test)

    scores = svm_scores(train, truth, test, num_classes, c=10.0)

    if num_classes == 2:  # They keep the one machine.
        scores, expected = scores[:, 1], expected.ravel()
    np.testing.assert_allclose(scores, expected, atol=5e-3)


def test_wrong_data_is_refused():
    with pytest.raises(DataError, match="as many train descriptors as words.*words=3000"):
        BagOfWords().run(subject_of(), 0)
    with pytest.raises(DataError, match="two or more classes"):
        BagOfWords(words=3).run(subject_of(data_of(np.zeros(4, int), np.zeros(3, int))), 0)
    with pytest.raises(ConfigurationError, match="`words`"):
        registry.probes.create("bag_of_words(words=1)")


def test_a_test_class_that_training_lacks_counts_as_wrong():
    subject = subject_of(data_of(np.arange(12) % 2, np.arange(12) % 3))

    result = BagOfWords(words=4, samples_per_word=20).run(subject, 0)

    assert result["top-1"] == pytest.approx(8 / 12)
    assert "4 test examples have a class" in subject.notes[0]
