"""What no probe can judge is refused in words, whichever probe it is.

A table of a probe, what is wrong and a part of the message. Each message has three parts: what
must hold, what was received, what to do.
"""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation import features
from sslkeras.evaluation.evaluate import evaluate
from sslkeras.evaluation.finetune import _Fit
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task
from tests.evaluation.videos import split_of

NAN = np.nan
# What must hold. Received: what. What to do.
THREE_PARTS = re.compile(r"(must|needs?) .*\. Received: .+[.)] [A-Z'].*\.( \(.*\))?$", re.DOTALL)


class Answers(Task):
    """A task whose methods answer what they are given here."""

    def __init__(self, reads, **methods):
        super().__init__()
        self.reads = dict.fromkeys(reads, (1,))
        for name, method in methods.items():
            setattr(self, name, method)

    def pretext(self, batch, seed):
        return batch, batch

    def build_model(self, inputs, encoder, data):
        raise AssertionError("No model is needed here.")

    def loss(self):
        return keras.losses.MeanSquaredError()


def same(shape=(2,)):
    return keras.Sequential([keras.Input(shape), keras.layers.Activation("linear")])


def vectors(bad=(), label=(0, 1, 0, 1, 0, 1), **more):
    """Six train and test examples; `bad` is where the train features become NaN."""
    rows = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    spoilt = rows.copy()
    spoilt[list(bad), 0] = NAN
    label = np.array(label)
    anomaly = np.array([0, 1, 0, 1, 0, 1])
    train = {"image": spoilt, "sound": spoilt, "label": label, "anomaly": 0 * anomaly, **more}
    test = {"image": spoilt, "sound": rows, "label": label, "anomaly": anomaly, **more}
    encoders = {"eye": same(), "ear": same()}
    return Subject(
        "pretrained",
        Given(ArraySplit(train), ArraySplit(test)),
        "image",
        encoders["eye"],
        encoders=encoders,
        reads={"eye": "image", "ear": "sound"},
    )


def miscounted(target="label"):
    """Targets one shorter than the features, as a wrong reader might give them."""
    subject = vectors()
    given = subject.targets
    subject.targets = lambda split, name: given(split, name)[:-1]
    subject._cache["encoder", "eye"] = subject
    return subject


def videos(frames=4, count=2, phases=None, bad=False, **more):
    """Videos of `frames` frames whose value rises."""
    rise = [[[NAN if bad and n == 1 else n, n]] for n in range(frames)]
    rise = np.array(rise, np.float32).reshape(frames, 2)
    if phases is None:
        phases = [n >= frames // 2 for n in range(frames)]
    split = split_of([rise + i for i in range(count)], [phases] * count, **more)
    return Subject("raw input", Given(split, split), "video", None)


def views(number=2, frames=4, value=1.0, count=2, **more):
    clips = np.full((count, number, frames, 1, 2, 1), value, np.float32)
    values = {name: np.asarray(value) for name, value in more.items()}
    split = ArraySplit({"views": clips, **values})
    return Subject("raw input", Given(split, split), "views", None)


def clips(frames=4, value=0.5, masks=None, encoder=None, label=(0, 1)):
    """Two clips of 8 x 8 pixels with masks, and an encoder that keeps the layout."""
    video = np.random.default_rng(0).random((2, frames, 8, 8, 1)).astype(np.float32)
    video[0, 0, 0, 0] = value
    if masks is None:
        masks = np.zeros((2, frames, 8, 8, 1), bool)
        masks[:, :, 2:5, 2:5] = True
    split = ArraySplit({"video": video, "masks": masks, "label": np.array(label)})
    if encoder is None:
        encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 1)])
    return Subject("pretrained", Given(split, split), "video", encoder)


def asked(features, **methods):
    """A subject whose task answers with `methods`, on two examples."""
    split = ArraySplit({name: np.asarray(value) for name, value in features.items()})
    task = Answers(tuple(features)[:1], **methods)
    return Subject("pretrained", Given(split, split), next(iter(features)), None, task=task)


def flow(predicted, truth=0.0, valid=None, valid_shape=(2, 4, 4)):
    def predict(model, batch):
        shape = (2, 4, 4, 2)
        given = {"flow": tf.fill(shape, predicted), "truth": tf.fill(shape, truth)}
        return given if valid is None else {**given, "valid": tf.fill(valid_shape, valid)}

    return asked(
        {"video": np.ones((2, 3, 4, 4, 1), np.float32), "flow": np.ones((2, 4, 4, 2))},
        predict_flow=predict,
    )


def frames_of(predicted, truth=0.5, shape=(2, 1, 12, 12, 1)):
    def predict(model, batch):
        last = tf.fill((shape[0], *shape[2:]), 0.5)
        return tf.fill(shape, predicted), tf.fill(shape, truth), last

    return asked({"video": np.ones((2, 3, 12, 12, 1), np.float32)}, predict_frames=predict)


def maps(value, masks=True, size=4):
    masks = np.full((2, 4, 4), masks)
    masks[:, 0] = False
    return asked(
        {"image": np.ones((2, 4, 4, 1), np.float32), "masks": masks},
        localize=lambda model, batch: tf.fill((size // 2, 2, 2), value),
    )


def tokens(likelihood=-1.0, scored=1.0, **more):
    def score(model, batch, seed):
        shape = tf.shape(batch["tokens"])
        given = {
            "log_likelihood": tf.fill(shape, likelihood),
            "token": batch["tokens"],
            "scored": tf.fill(shape, scored),
            "rank": tf.zeros(shape, tf.int32),
        }
        return {**given, **more}

    return asked({"tokens": np.ones((2, 3), np.int32)}, token_log_likelihoods=score)


def words(matrix=((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0)), names="abcd"):
    return asked(
        {"tokens": np.ones((2, 3), np.int32)},
        word_vectors=lambda model: (list(names), np.array(matrix)),
    )


def short_of_frames():
    train, test = videos().data.train, videos(frames=1, count=1, phases=[0]).data.test
    return Subject("raw input", Given(train, test), "video", None)


def one_number():
    rows, size = np.eye(2, dtype=np.float32), np.array([0.5, 1.5])
    train, test = ({"image": rows[:n], "size": size[:n]} for n in (2, 1))
    return Subject("raw input", Given(ArraySplit(train), ArraySplit(test)), "image", None)


NO_LABELS = np.full((2, 4, 8, 8, 1), False)
NAN_FEATURES = "must be finite. Received: NaN or infinity in "

# Probe, what is wrong, the subject, a part of the message.
TABLE = [
    # Features with NaN.
    ("linear", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES + "1 of 6 rows"),
    ("knn", "nan", lambda: vectors(bad=(2, 3)), NAN_FEATURES + "2 of 6 rows"),
    ("finetune", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES),
    ("retrieval", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES),
    ("anomaly", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES),
    ("cross_modal_retrieval", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES),
    ("disentanglement", "nan", lambda: vectors(bad=(2,)), NAN_FEATURES),
    ("kendall_tau", "nan", lambda: videos(bad=True), NAN_FEATURES + "2 of 8 rows"),
    ("phase_classification", "nan", lambda: videos(bad=True), NAN_FEATURES),
    ("phase_progression", "nan", lambda: videos(bad=True), NAN_FEATURES),
    ("frame_retrieval", "nan", lambda: videos(bad=True), NAN_FEATURES),
    ("anomaly(video='video')", "nan", lambda: videos(bad=True, anomaly=[0, 1]), NAN_FEATURES),
    ("alignment_error", "nan", lambda: views(value=NAN), NAN_FEATURES + "16 of 16 rows"),
    (
        "attribute_error",
        "nan",
        lambda: views(value=NAN, attributes=[[0, 1, 0, 1]] * 2),
        NAN_FEATURES + "16 of 16 rows",
    ),
    ("label_propagation", "nan", lambda: clips(value=NAN), NAN_FEATURES + "1 of 2 examples"),
    ("bag_of_words(words=2)", "nan", lambda: clips(value=NAN), NAN_FEATURES),
    ("flow_epe", "nan", lambda: flow(NAN), "Predicted flow must be finite"),
    ("frame_quality", "nan", lambda: frames_of(NAN), "Predicted frames must be finite"),
    ("localization", "nan", lambda: maps(NAN), "finite"),
    ("perplexity", "nan", lambda: tokens(NAN), "finite and not above 0"),
    ("masked_accuracy", "nan", lambda: tokens(NAN), "finite and not above 0"),
    ("word_similarity", "nan", lambda: words([[NAN, 0.0]] * 4), "NaN or infinity in 4 of 4 rows"),
    ("word_analogy", "nan", lambda: words([[NAN, 0.0]] * 4), "NaN or infinity in 4 of 4 rows"),
    # One class only, or nothing to tell apart.
    ("linear", "one class", lambda: vectors(label=[1] * 6), "two or more classes"),
    ("knn", "one class", lambda: vectors(label=[1] * 6), "two or more classes"),
    ("finetune", "one class", lambda: vectors(label=[1] * 6), "two or more classes"),
    (
        "attribute_error",
        "one class",
        lambda: views(attributes=[[1, 1, 1, 1]] * 2),
        "two or more values in the test split",
    ),
    ("retrieval", "one class", lambda: vectors(label=[1] * 6), "two or more classes"),
    ("disentanglement", "one class", lambda: vectors(label=[1] * 6), "two or more classes"),
    ("bag_of_words(words=2)", "one class", lambda: clips(label=[3, 3]), "two or more classes"),
    (
        "anomaly(target='label', normal=1)",
        "one class",
        lambda: vectors(label=[1] * 6),
        "normal and anomalous examples. Received: 6 normal ones only",
    ),
    ("phase_classification", "one class", lambda: videos(phases=[1] * 4), "two or more phases"),
    ("phase_progression", "one class", lambda: videos(phases=[0] * 4), "two or more phases"),
    ("frame_retrieval", "one class", lambda: videos(phases=[2] * 4), "two or more phases"),
    ("label_propagation", "one class", lambda: clips(masks=NO_LABELS), "an object in the first"),
    ("localization", "one class", lambda: maps(0.5, masks=False), "something to find"),
    ("flow_epe", "one class", lambda: flow(0.0, valid=False), "known at some test pixel"),
    (
        "frame_quality(moving_only=True)",
        "one class",
        lambda: frames_of(0.4),
        "Moving pixels must be found",
    ),
    ("perplexity", "one class", lambda: tokens(scored=0.0), "must score a token"),
    ("masked_accuracy", "one class", lambda: tokens(scored=0.0), "must score a token"),
    ("word_similarity", "one class", lambda: words([[1.0, 1.0]] * 4), "equal cosines"),
    # Numbers of labels that do not match.
    ("linear", "count", miscounted, "same number of rows. Received: 6 and 5"),
    ("knn", "count", miscounted, "same number of rows. Received: 6 and 5"),
    ("finetune", "count", miscounted, "same number of rows"),
    ("retrieval", "count", miscounted, "same number of rows"),
    ("disentanglement", "count", miscounted, "same number of rows"),
    ("anomaly", "count", miscounted, "one value for each row of features. Received: 5 for 6"),
    (
        "phase_classification",
        "count",
        lambda: videos(frames=5, phases=[0, 0, 1, 1, 1, 1]),
        "one value for each frame",
    ),
    (
        "phase_progression",
        "count",
        lambda: videos(frames=5, phases=[0, 0, 1, 1, 1, 1]),
        "one value for each frame",
    ),
    (
        "frame_retrieval",
        "count",
        lambda: videos(frames=5, phases=[0, 0, 1, 1, 1, 1]),
        "one value for each frame",
    ),
    (
        "anomaly(video='video', target='phase')",
        "count",
        lambda: videos(frames=5, phases=[0, 0, 1, 1, 1, 1]),
        "one value for each",
    ),
    (
        "label_propagation",
        "count",
        lambda: clips(masks=np.ones((2, 3, 8, 8, 1), bool)),
        "labels in each of them. Received: 4 frames and 3 with labels",
    ),
    (
        "label_propagation",
        "count",
        lambda: clips(masks=np.ones((2, 4, 6, 8, 1), bool)),
        "size of the frames",
    ),
    (
        "localization",
        "count",
        lambda: maps(0.5, size=2),
        "one an image. Received: (1, 2, 2)",
    ),
    ("flow_epe", "count", lambda: flow(0.0, valid=True, valid_shape=(2, 4)), "'valid'"),
    (
        "perplexity",
        "count",
        lambda: tokens(scored=1.0, token=tf.zeros([2, 2], tf.int32)),
        "of one shape",
    ),
    (
        "attribute_error",
        "count",
        lambda: views(attributes=[[0, 1, 0]] * 2),
        "shape (3, 1) for 4 moments (test split, sequence 0)",
    ),
    (
        "attribute_error",
        "count",
        lambda: views(attributes=[[0, 1, 0, -1]] * 2),
        "least -1 (test split, sequence 0)",
    ),
    ("masked_accuracy", "count", lambda: tokens(rank=tf.zeros([2, 2])), "of one shape"),
    ("word_similarity", "count", lambda: words(names="abc"), "a row for each word"),
    ("word_analogy", "count", lambda: words(names="abc"), "a row for each word"),
    # Videos that are too short, or too few.
    ("kendall_tau", "short", lambda: videos(frames=1), "videos of 2 or more frames. Received: 1"),
    ("kendall_tau(stride=4)", "short", videos, "videos of 5 or more frames. Received: 4"),
    ("kendall_tau", "short", lambda: videos(count=1), "2 or more videos in the test split"),
    ("frame_retrieval", "short", lambda: videos(count=1), "2 or more videos in the test split"),
    ("alignment_error", "short", lambda: views(frames=1), "two or more views and frames"),
    ("alignment_error", "short", lambda: views(number=1), "two or more views and frames"),
    (
        "attribute_error",
        "short",
        lambda: views(count=1, attributes=[[0, 1, 0, 1]]),
        "2 or more videos in the test split",
    ),
    ("label_propagation", "short", lambda: clips(frames=2), "3 or more frames"),
    (
        "phase_classification(videos=3)",
        "short",
        videos,
        "as many videos as are labelled. Received: 2 videos",
    ),
    (
        "frame_quality",
        "short",
        lambda: frames_of(0.5, shape=(2, 0, 12, 12, 1)),
        "a frame to predict",
    ),
    (
        "bag_of_words(words=2)",
        "short",
        lambda: clips(
            encoder=keras.Sequential([keras.Input((6, 8, 8, 1)), keras.layers.Conv3D(3, 1)])
        ),
        "shape that the encoder takes",
    ),
    (
        "phase_progression",
        "short",
        lambda: short_of_frames(),
        "R^2 must be taken over two or more test frames",
    ),
    ("linear(target='size')", "short", lambda: one_number(), "over two or more test examples"),
    # Word lists.
    ("word_similarity(unknown)", "words", words, "0 of 2 pairs"),
    ("word_analogy(unknown)", "words", words, "none of 1 questions"),
]


def _is_of_a_plugin(name):
    return not registry.probes.load(name).__module__.startswith("sslkeras.")


def made(name, folder):
    """The probe; those of words get a list of known words, or of others."""
    if not name.startswith("word_"):
        return registry.probes.create(name.replace("videos=3", "videos=(3,)"))
    path = folder / "list.txt"
    if name.startswith("word_similarity"):
        path.write_text("w,x,3\ny,z,1\n" if "unknown" in name else "a,b,3\nb,c,1\nc,d,2\n")
    else:
        path.write_text("w x y z\n" if "unknown" in name else "a b c d\n")
    return registry.probes.create(f"{name.partition('(')[0]}(path={str(path)!r})")


@pytest.mark.parametrize(
    "name, subject, message",
    [pytest.param(n, s, m, id=f"{n}-{what}") for n, what, s, m in TABLE],
)
def test_it_is_refused_in_three_parts(name, subject, message, tmp_path, monkeypatch):
    monkeypatch.setattr(_Fit, "train", None)  # Before the first step.

    with pytest.raises((DataError, ConfigurationError), match=re.escape(message)) as caught:
        made(name, tmp_path).run(subject(), 0)

    text = str(caught.value)
    assert THREE_PARTS.search(text), text


@pytest.mark.parametrize("what", ["nan", "one class", "count", "short"])
def test_every_probe_stands_in_the_table(what):
    # Why a probe cannot meet it.
    cannot = {
        "one class": {
            "cross_modal_retrieval": "classes are optional",
            "kendall_tau": "no classes",
            "alignment_error": "no classes",
            "word_analogy": "no classes",
        },
        "count": {
            "cross_modal_retrieval": "both encoders read one split",
            "kendall_tau": "no labels",
            "alignment_error": "no labels",
            "bag_of_words": "labels are read with their clips",
            "frame_quality": "no labels",
        },
        "short": dict.fromkeys(
            "knn finetune retrieval anomaly cross_modal_retrieval disentanglement flow_epe "
            "localization perplexity masked_accuracy word_similarity word_analogy".split(),
            "one frame, or one example, is enough",
        ),
    }.get(what, {})
    probes = {name for name in registry.probes.names() if not _is_of_a_plugin(name)}

    tested = {name.partition("(")[0] for name, case, *_ in TABLE if case == what}

    assert tested | set(cannot) == probes
    assert not tested & set(cannot)


@pytest.mark.parametrize("name", [n for n in registry.probes.names() if not _is_of_a_plugin(n)])
def test_a_named_probe_that_the_data_or_task_cannot_answer_is_refused(
    stand_in, name, tmp_path, monkeypatch
):
    images = np.random.default_rng(0).random((6, 4, 4, 1)).astype(np.float32)
    split = ArraySplit({"image": images})
    run = stand_in(Given(split, split))
    monkeypatch.setattr(features, "extract", None)  # Before the first step.
    probe = made(name, tmp_path)

    with pytest.raises((DataError, ConfigurationError), match=f"The probe '{name}.* needs") as one:
        evaluate(run, probes=[probe])

    wanted = probe.reads[0] if probe.reads else ("method", "two encoders")
    assert any(word in str(one.value) for word in np.atleast_1d(wanted))
    assert THREE_PARTS.search(str(one.value))


def test_one_class_has_no_order_of_classes():
    subject = vectors(label=[1] * 6)

    found = made("cross_modal_retrieval", None).run(subject, 0)

    assert not [name for name in found if name.startswith("nDCG")]
    assert "nDCG of cross_modal_retrieval is left out" in subject.notes[-1]


@pytest.mark.parametrize(
    "name, given",
    [("word_similarity", "a,b,3\nb,c,1\ny,z,1\n"), ("word_analogy", "a b c d\nw x y z\nv x y z\n")],
)
def test_the_coverage_of_word_lists_is_always_reported(name, given, tmp_path):
    (tmp_path / "list.txt").write_text(given)
    probe = registry.probes.create(f"{name}(path={str(tmp_path / 'list.txt')!r})")

    found = probe.run(words(), 0)

    assert found["coverage"] == pytest.approx(2 / 3 if name == "word_similarity" else 1 / 3)
